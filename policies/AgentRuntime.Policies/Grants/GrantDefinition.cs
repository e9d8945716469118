using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>One entry of an agent's <c>tools</c>: what it may call, and under which conditions. Immutable.</summary>
/// <param name="Tool">The tool's qualified name.</param>
/// <param name="Limits">What the arguments must keep to; all of them.</param>
/// <param name="Condition">A Cedar expression that must hold too; null when there is none.</param>
/// <param name="ConditionPosition">Where the expression begins.</param>
/// <param name="Reason">What a refusal adds in the author's words.</param>
/// <param name="NeedsApproval">A person must agree to each call.</param>
/// <param name="Position">Where it is given.</param>
internal sealed record GrantDefinition(
    string Tool,
    IReadOnlyList<ArgumentLimit> Limits,
    string? Condition,
    BundlePosition ConditionPosition,
    string? Reason,
    bool NeedsApproval,
    BundlePosition Position)
{
    /// <summary>What must be true of the run so far; all of it.</summary>
    public IReadOnlyList<HistoryCondition> History { get; init; } = [];

    /// <summary>What it changes about the calls that it allows; null when nothing.</summary>
    public GrantObligations? Obligations { get; init; }

    /// <summary>What an approval covers, when one is needed.</summary>
    public ApprovalScope Approval { get; init; } = ApprovalScope.Default;

    public bool IsUnconditional => Limits.Count == 0 && Condition is null && History.Count == 0 && Obligations is null;
}

/// <summary>How an <see cref="ArgumentLimit"/> compares.</summary>
internal enum LimitKind : byte
{
    /// <summary>At most.</summary>
    Max = 1,

    /// <summary>At least.</summary>
    Min = 2,

    /// <summary>One of a list.</summary>
    OneOf = 3,

    /// <summary>Like a pattern in which <c>*</c> stands for any characters.</summary>
    Like = 4,
}

/// <summary>
/// A condition on one argument in the short form. An argument that is absent does not keep to it: an absent amount may
/// well mean all of it. Immutable.
/// </summary>
/// <param name="Kind">How it compares.</param>
/// <param name="Path">The argument's name, or the names that lead to it through objects.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">One value, or several for <see cref="LimitKind.OneOf"/>, as they were written.</param>
/// <param name="Position">Where it is given.</param>
internal sealed record ArgumentLimit(
    LimitKind Kind,
    IReadOnlyList<PropertyShape> Path,
    ArgumentShape Shape,
    IReadOnlyList<string> Values,
    BundlePosition Position)
{
    /// <summary>The argument as people write it: <c>order.amount_cents</c>.</summary>
    public string Argument => string.Join('.', Path.Select(p => p.Name));

    /// <summary>The limit in words: <c>amount_cents at most 5000</c>.</summary>
    public string Describe() =>
        Kind switch
        {
            LimitKind.Max => $"{Argument} at most {Values[0]}",
            LimitKind.Min => $"{Argument} at least {Values[0]}",
            LimitKind.Like => $"{Argument} like '{Values[0]}'",
            _ => $"{Argument} one of {string.Join(", ", Values)}",
        };
}
