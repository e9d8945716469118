using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>A decision that was made on the platform, as the journal or the audit log has it. Immutable.</summary>
/// <param name="Caller">An agent as <c>project/agent</c>, or the project of a client.</param>
/// <param name="Run">The run; null for a client's direct request.</param>
/// <param name="Call">What was asked.</param>
/// <param name="Verdict">What was decided.</param>
/// <param name="DeterminingPolicies">The policies that decided.</param>
public sealed record RecordedDecision(
    string Caller, string? Run, PolicyCall Call, Verdict Verdict, IReadOnlyList<string> DeterminingPolicies)
{
    /// <summary>How the call ended, if it was allowed and that is known.</summary>
    public CallOutcome? Outcome { get; init; }

    /// <summary>The number of the call within its run; null when it is not known.</summary>
    public int? Number { get; init; }

    /// <summary>The user for whom it was asked; null when that is not known.</summary>
    public string? Principal { get; init; }

    /// <summary>Whether the arguments are those that were decided about; only then it is made again.</summary>
    public RecordedArguments Arguments { get; init; } = RecordedArguments.Whole;

    /// <summary>A person had approved the call.</summary>
    public bool WasApproved { get; init; }

    /// <summary>The code of the refusal, if it was refused.</summary>
    public ReasonCode? Code { get; init; }
}

/// <summary>What a record has of a call's arguments.</summary>
public enum RecordedArguments : byte
{
    /// <summary>All, as they were decided about; or the call has none.</summary>
    Whole = 1,

    /// <summary>All, but for texts that the bundle redacts.</summary>
    Redacted = 2,

    /// <summary>Nothing: they were too long.</summary>
    Missing = 3,
}
