namespace AgentRuntime.Abstractions;

/// <summary>A tenant's quota; never unlimited. Windows are fixed minutes of UTC. Immutable.</summary>
public sealed record QuotaLimits
{
    /// <summary>Requests a minute: inference requests of clients and of agents. Default 600.</summary>
    public int RequestsPerMinute { get; init; } = 600;

    /// <summary>Prompt and output tokens a minute. Default 200,000.</summary>
    public TokenCount TokensPerMinute { get; init; } = new(200_000);

    /// <summary>Money a UTC day. Default ten dollars.</summary>
    public MicroUsd CostPerDay { get; init; } = new(10_000_000);

    /// <summary>Runs under way at once. Default 16.</summary>
    public int ConcurrentRuns { get; init; } = 16;
}
