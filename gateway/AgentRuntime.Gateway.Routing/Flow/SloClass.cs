namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// A service class. Lower <see cref="Priority"/> goes first, strictly, but nobody waits longer than
/// <see cref="PromoteAfterSeconds"/> behind others' priority. Immutable.
/// </summary>
/// <param name="Name">The name in bundles and metrics.</param>
/// <param name="Priority">0 (first) to 3.</param>
public sealed record SloClass(string Name, int Priority)
{
    /// <summary>
    /// Time to first token that counts as met, and by which requests of a tenant are ordered. Default 5 s.
    /// </summary>
    public double TtftSeconds { get; init; } = 5;

    /// <summary>Time per output token that counts as met. Default 0.1 s.</summary>
    public double TpotSeconds { get; init; } = 0.1;

    /// <summary>The longest that a request may wait in the router; then it is refused. Default 60 s.</summary>
    public double MaxWaitSeconds { get; init; } = 60;

    /// <summary>After this wait a request competes in the first class. Default 30 s.</summary>
    public double PromoteAfterSeconds { get; init; } = 30;

    /// <summary>
    /// Whether requests may be refused early, the likelier the more saturated the pool is. Default false.
    /// </summary>
    public bool Sheddable { get; init; }

    /// <summary>
    /// Share of requests that must meet the class's times: the rest is the error budget. Default 0.99.
    /// </summary>
    public double Objective { get; init; } = 0.99;

    /// <summary>A person waits for the first token.</summary>
    public static SloClass Interactive { get; } = new("interactive", 0) { TtftSeconds = 2, MaxWaitSeconds = 30 };

    /// <summary>An agent waits for the answer.</summary>
    public static SloClass Standard { get; } = new("standard", 1);

    /// <summary>Nobody waits.</summary>
    public static SloClass Batch { get; } = new("batch", 2)
    {
        TtftSeconds = 60, TpotSeconds = 1, MaxWaitSeconds = 600, PromoteAfterSeconds = 120, Sheddable = true,
    };
}
