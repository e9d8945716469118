namespace AgentRuntime.Abstractions;

/// <summary>
/// A service class as a tenant's bundle defines it: what a request shall get, and what it yields to. Immutable.
/// </summary>
/// <param name="Name">Its name in the bundle, and in metrics.</param>
/// <param name="Priority">0 (first) to 3.</param>
public sealed record SloTarget(string Name, int Priority)
{
    /// <summary>Time to first token (TTFT) that counts as met. Default 5 s.</summary>
    public TimeSpan TimeToFirstToken { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time per output token (TPOT) that counts as met. Default 100 ms.</summary>
    public TimeSpan TimePerOutputToken { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest that a request may wait for an engine; then it is refused. Default 60 s.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Share of requests, above 0 and below 1, that shall meet both times; the rest is the error budget. Default 0.99.
    /// </summary>
    public double Objective { get; init; } = 0.99;

    /// <summary>Whether requests may be refused early when engines are saturated. Default false.</summary>
    public bool Sheddable { get; init; }
}

/// <summary>Knows the service class of work. Thread-safe.</summary>
public interface ISloTargetSource
{
    /// <summary>The class of an agent's or a client's requests; null when their tenant says nothing.</summary>
    SloTarget? Find(WorkIdentity identity);
}
