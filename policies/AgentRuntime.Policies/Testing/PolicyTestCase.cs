using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>One test of a bundle as its author wrote it. Immutable.</summary>
/// <param name="Agent">The agent; null when <paramref name="Client"/> asks.</param>
/// <param name="Client">The project of a client that asks directly; null when an agent does.</param>
/// <param name="Call">What is asked.</param>
/// <param name="History">What happened in the run before, in order.</param>
/// <param name="Expected">The verdict that must come.</param>
/// <param name="Code">The reason code that must come; null when any will do.</param>
/// <param name="Reason">What the reason must contain; null when anything will do.</param>
/// <param name="Policies">The policies that must have determined it; null when any will do.</param>
/// <param name="Name">The sentence that says what is tested.</param>
/// <param name="Position">Where it is written.</param>
internal sealed record PolicyTestCase(
    string Name,
    string? Agent,
    string? Client,
    TestCall Call,
    IReadOnlyList<TestEvent> History,
    Verdict Expected,
    string? Code,
    string? Reason,
    IReadOnlyList<string>? Policies,
    BundlePosition Position);

/// <summary>An allowed call, or an approval, before the one that is tested.</summary>
/// <param name="Call">The call; it must be allowed, unless it is one that a person approved.</param>
/// <param name="Outcome">How it ended; null when it is still in flight.</param>
/// <param name="IsApproval">A person approved it; nothing was called.</param>
/// <param name="Position">Where it is written.</param>
internal sealed record TestEvent(TestCall Call, CallOutcome? Outcome, bool IsApproval, BundlePosition Position);

/// <summary>A call in a test: of a tool or of a model.</summary>
internal sealed record TestCall(PolicyAction Action, string Resource, JsonElement Arguments, DateTimeOffset At);
