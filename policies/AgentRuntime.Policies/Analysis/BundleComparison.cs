using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>What would change if one bundle took another's place. Immutable.</summary>
/// <param name="Before">The bundle in force; null when there is none.</param>
/// <param name="After">The bundle to come.</param>
/// <param name="Changes">What is written differently.</param>
/// <param name="Decisions">For whom what is decided differently, with an example each.</param>
public sealed record BundleComparison(
    BundleDigest? Before,
    BundleDigest After,
    IReadOnlyList<BundleChange> Changes,
    IReadOnlyList<DecisionChange> Decisions)
{
    /// <summary>The agents and clients that are decided about differently.</summary>
    public IReadOnlyList<string> Affected => Decisions.Select(d => d.Caller).Distinct(StringComparer.Ordinal).ToList();
}

/// <summary>One thing that is written differently. Immutable.</summary>
/// <param name="Subject">What it belongs to: <c>agent demo/triage</c>, <c>tool shop/refund</c>, <c>policy
/// night</c>.</param>
/// <param name="What">Which property.</param>
/// <param name="Before">As it was; null when it is new.</param>
/// <param name="After">As it will be; null when it goes.</param>
public sealed record BundleChange(string Subject, string What, string? Before, string? After);

/// <summary>A call that is decided differently: proof that a difference is real. Immutable.</summary>
/// <param name="Caller">An agent, or the project of a client.</param>
/// <param name="Action">What is to be done.</param>
/// <param name="Resource">To what.</param>
/// <param name="Before">As it was decided.</param>
/// <param name="After">As it will be.</param>
/// <param name="Example">The arguments and what was assumed of the run's history, as Cedar records; empty for a
/// model.</param>
public sealed record DecisionChange(
    string Caller, PolicyAction Action, string Resource, Verdict Before, Verdict After, string Example)
{
    /// <summary>The change lets more through.</summary>
    public bool IsWider => Width(After) > Width(Before);

    private static int Width(Verdict verdict) =>
        verdict switch
        {
            Verdict.Allow => 2,
            Verdict.RequireApproval => 1,
            _ => 0,
        };
}
