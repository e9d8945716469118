using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>A decision with every policy that could have had a say in it. Immutable.</summary>
/// <param name="Decision">The decision.</param>
/// <param name="Policies">The policies whose heads fit the call: those that decided first.</param>
/// <param name="History">What of the history could not have happened; null when all could.</param>
public sealed record PolicyExplanation(
    Decision Decision, IReadOnlyList<PolicyFinding> Policies, string? History = null);

/// <summary>What a policy came to for a call. Zero is not a truth.</summary>
public enum PolicyTruth : byte
{
    /// <summary>All its conditions hold.</summary>
    Holds = 1,

    /// <summary>Some condition does not.</summary>
    DoesNotHold = 2,

    /// <summary>A condition failed to evaluate.</summary>
    Fails = 3,
}

/// <summary>One policy and the call. Immutable.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Effect"><c>permit</c> or <c>forbid</c>.</param>
/// <param name="Where">File, line and column.</param>
/// <param name="Text">Its source as Cedar.</param>
/// <param name="Truth">What it came to.</param>
/// <param name="Decided">It is among those that determined the decision.</param>
/// <param name="Unmet">What would have to be true besides for it to hold, as far as it was looked at; or what
/// failed.</param>
public sealed record PolicyFinding(
    string Id, string Effect, string Where, string Text, PolicyTruth Truth, bool Decided, IReadOnlyList<string> Unmet);
