using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>A call that somebody wants to know the decision of. Immutable.</summary>
/// <param name="Caller">An agent as <c>project/agent</c>, or a project whose client asks directly.</param>
/// <param name="Action">What is to be done.</param>
/// <param name="Resource">To what: a tool's, a model's or a bucket's name.</param>
/// <param name="Arguments">The arguments as a JSON object.</param>
/// <param name="At">The time of the call.</param>
public sealed record PolicyQuestion(
    string Caller, PolicyAction Action, string Resource, JsonElement Arguments, DateTimeOffset At)
{
    /// <summary>What the run did before, in order.</summary>
    public IReadOnlyList<PolicyEvent> History { get; init; } = [];

    internal PolicyCall ToCall() => new(Action, Resource, Arguments, At);
}

/// <summary>Something that a run did before. Immutable.</summary>
/// <param name="Action">What was done.</param>
/// <param name="Resource">To what.</param>
/// <param name="Arguments">The arguments as a JSON object.</param>
/// <param name="At">When.</param>
/// <param name="Outcome">How it ended; null when it is in flight.</param>
/// <param name="IsApproval">A person approved the call; nothing was called.</param>
/// <param name="IsDenial">The call was denied.</param>
public sealed record PolicyEvent(
    PolicyAction Action,
    string Resource,
    JsonElement Arguments,
    DateTimeOffset At,
    CallOutcome? Outcome = CallOutcome.Succeeded,
    bool IsApproval = false,
    bool IsDenial = false)
{
    internal PolicyCall ToCall() => new(Action, Resource, Arguments, At);
}
