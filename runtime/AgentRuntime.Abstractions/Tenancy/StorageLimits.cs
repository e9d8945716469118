namespace AgentRuntime.Abstractions;

/// <summary>What one tenant may keep in the store: the operator's, never unlimited. Immutable.</summary>
public sealed record StorageLimits
{
    /// <summary>Agents. Default 1,000; one more is refused (AR6007).</summary>
    public int MaxAgents { get; init; } = 1_000;

    /// <summary>
    /// Modules that were deployed. Default 512 MiB; replaced versions go first, and what then has no room is refused
    /// (AR6007).
    /// </summary>
    public ByteCount MaxModules { get; init; } = ByteCount.FromMebibytes(512);

    /// <summary>All buckets of memory together. Default 1 GiB; what has no room is refused (AR7008).</summary>
    public ByteCount MaxMemory { get; init; } = ByteCount.FromMebibytes(1_024);

    /// <summary>Runs that have ended, with their events. Default 4 GiB; the oldest go.</summary>
    public ByteCount MaxRuns { get; init; } = ByteCount.FromMebibytes(4_096);

    /// <summary>How long a run is kept after its end. Default 90 days.</summary>
    public TimeSpan MaxRunAge { get; init; } = TimeSpan.FromDays(90);
}
