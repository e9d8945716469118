namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Bounds on what is read. There is no unlimited default; a limit that is passed gives a diagnostic, never a crash.
/// </summary>
public sealed record CedarLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static CedarLimits Default { get; } = new();

    /// <summary>UTF-16 code units of one policy or schema text, or bytes of one JSON document. Default 16 Mi.</summary>
    public int MaximumTextLength { get; init; } = 16 * 1024 * 1024;

    /// <summary>Policies and templates in one set. Default 200,000.</summary>
    public int MaximumPolicies { get; init; } = 200_000;

    /// <summary>
    /// How deep expressions, values, types and JSON may nest. Default 200; at most 400, which a thread with a stack of
    /// one MiB survives. A chain of <c>&amp;&amp;</c> or <c>||</c> counts as one level.
    /// </summary>
    public int MaximumDepth { get; init; } = 200;

    /// <summary>Entities in one store. Default 1,000,000.</summary>
    public int MaximumEntities { get; init; } = 1_000_000;

    /// <summary>Ancestor links in one store after closure, which bounds its memory. Default 16 million.</summary>
    public int MaximumAncestorLinks { get; init; } = 16_000_000;

    /// <summary>Diagnostics reported for one text; what comes after them is cut. Default 100.</summary>
    public int MaximumDiagnostics { get; init; } = 100;

    internal CedarLimits Validated()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaximumTextLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaximumPolicies);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaximumDepth);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaximumDepth, 400);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaximumEntities);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaximumAncestorLinks);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaximumDiagnostics);
        return this;
    }
}
