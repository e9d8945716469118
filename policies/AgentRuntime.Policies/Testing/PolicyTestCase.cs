using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>One test of a bundle as its author wrote it. Immutable.</summary>
/// <param name="Name">The sentence that says what is tested.</param>
/// <param name="Question">What is asked, after which history.</param>
/// <param name="Expected">The verdict that must come.</param>
/// <param name="Code">The reason code that must come; null when any will do.</param>
/// <param name="Reason">What the reason must contain; null when anything will do.</param>
/// <param name="Policies">The policies that must have determined it; null when any will do.</param>
/// <param name="Position">Where it is written.</param>
internal sealed record PolicyTestCase(
    string Name,
    PolicyQuestion Question,
    Verdict Expected,
    string? Code,
    string? Reason,
    IReadOnlyList<string>? Policies,
    BundlePosition Position);
