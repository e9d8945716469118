using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>One test of a bundle as its author wrote it. Immutable.</summary>
/// <param name="Agent">The agent; null when <paramref name="Client"/> asks.</param>
/// <param name="Client">The project of a client that asks directly; null when an agent does.</param>
/// <param name="Call">What is asked.</param>
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
    Verdict Expected,
    string? Code,
    string? Reason,
    IReadOnlyList<string>? Policies,
    BundlePosition Position);

/// <summary>A call in a test: of a tool or of a model.</summary>
internal sealed record TestCall(PolicyAction Action, string Resource, JsonElement Arguments, DateTimeOffset At);
