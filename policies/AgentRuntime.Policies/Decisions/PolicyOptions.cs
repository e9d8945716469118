using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>What the operator decides about every tenant's bundles. Immutable.</summary>
public sealed record PolicyOptions
{
    /// <summary>
    /// Where a tool server really listens, by its name in the bundle, when that differs from the bundle's own
    /// <c>url</c>: a port that was chosen at start, a sidecar. A bundle's digest does not depend on it. Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, Uri> ToolEndpoints { get; init; } =
        new Dictionary<string, Uri>(StringComparer.Ordinal);

    /// <summary>
    /// The most that a bundle may give its tenant; a bundle above it does not validate. One that was in force already
    /// when this was lowered stays so, and gives this. Default null: the bundle's own figure counts.
    /// </summary>
    public QuotaLimits? QuotaCeiling { get; init; }

    /// <summary>
    /// The first priority that a bundle's service classes may have, 0 to 3; one before it does not validate. In one
    /// that was in force already when this was raised, it counts as this. The platform's own class for clients stays
    /// what it is. Default 0.
    /// </summary>
    public int FirstPriority { get; init; }

    /// <summary>
    /// The most memory that a bundle may give one guest (<c>limits.memory</c>); one that gives more does not validate.
    /// One that was in force already when this was lowered stays so, and gives this. Default 1 GiB, sixteen times what
    /// an agent has whose bundle says nothing.
    /// </summary>
    public ByteCount MemoryCeiling { get; init; } = ByteCount.FromMebibytes(1_024);

    /// <summary>
    /// Calls are sent with <see cref="Decision.Arguments"/> where a decision has them. Default false: then a bundle
    /// with obligations does not validate, for the call would be sent as it was asked.
    /// </summary>
    public bool HonoursObligations { get; init; }

    /// <summary>
    /// For bundles that were in force before: what the operator grants is not looked at, for their snapshots give no
    /// more than that. A tenant would otherwise lose everything because it may have a little less.
    /// </summary>
    internal PolicyOptions ForKept() => this with
    {
        QuotaCeiling = null, FirstPriority = 0, MemoryCeiling = SandboxLimits.MostMemory,
    };
}
