using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>The wire forms of what analyses find. Stateless.</summary>
internal static class Resources
{
    private const int MaxShown = PolicySimulation.MaxListed;

    public static IReadOnlyList<ErrorResource> Of(IEnumerable<RuntimeError> problems) =>
        problems.Select(ErrorResource.From).ToList();

    public static PolicyPlanResource Of(BundleComparison plan) =>
        new(
            plan.After.ToString(),
            plan.Changes.Select(c => new PolicyChangeResource(c.Subject, c.What, c.Before, c.After)).ToList(),
            Of(plan.Decisions),
            plan.Affected,
            plan.Before?.ToString());

    public static PolicyAuditResource Of(AuditReport report, BundleComparison? other, int days, int decisions) =>
        new(
            report.Bundle.ToString(),
            report.Agents
                .Select(a => new AgentReachResource(a.Agent, Of(a.Tools), Of(a.Models)) { Memory = Of(a.Memory) })
                .ToList(),
            report.UnreachableTools,
            report.NeverDecided,
            days,
            decisions,
            other is null ? null : Of(other.Decisions));

    public static PolicyExplanationResource Of(
        PolicyExplanation explanation, string caller, string resource, string? recorded)
    {
        var decision = explanation.Decision;
        return new(
            caller,
            resource,
            DecisionRecords.Word(decision.Verdict),
            explanation.Policies
                .Select(f => new PolicyFindingResource(
                    f.Id,
                    f.Effect,
                    f.Where,
                    f.Text,
                    f.Truth switch
                    {
                        PolicyTruth.Holds => "holds",
                        PolicyTruth.Fails => "fails",
                        _ => "does_not_hold",
                    },
                    f.Decided,
                    f.Unmet))
                .ToList(),
            decision.Bundle?.ToString(),
            decision.Reason is { } reason ? ErrorResource.From(reason) : null,
            decision.Errors.Count == 0 ? null : decision.Errors,
            explanation.History,
            recorded);
    }

    public static PolicySimulationResource Of(SimulationReport report, DateTimeOffset since) =>
        new(
            report.Bundle.ToString(),
            report.Decided,
            report.Changed,
            report.Counts
                .Select(c => new VerdictCount(
                    DecisionRecords.Word(c.Key.Before), DecisionRecords.Word(c.Key.After), c.Value))
                .OrderBy(c => c.Before, StringComparer.Ordinal)
                .ThenBy(c => c.After, StringComparer.Ordinal)
                .ToList(),
            report.Differences.Select(Of).ToList(),
            report.Skipped,
            since);

    public static PolicySimulationResource OfShadow(StoredShadow shadow, IReadOnlyList<AuditRecord> records)
    {
        var bundle = shadow.Bundle.Digest.ToString();
        var made = records
            .Select(r => (r.At, Made: (DecisionMade)r.Data))
            .Where(r => r.Made.Shadow?.Bundle == bundle)
            .ToList();
        var changed = made.Where(r => r.Made.Verdict != r.Made.Shadow!.Verdict).ToList();
        return new(
            bundle,
            made.Count,
            changed.Count,
            made.GroupBy(r => (Before: r.Made.Verdict, After: r.Made.Shadow!.Verdict))
                .OrderBy(g => g.Key)
                .Select(g => new VerdictCount(g.Key.Before, g.Key.After, g.Count()))
                .ToList(),
            changed.Take(MaxShown)
                .Select(r => new SimulatedDecisionResource(
                    r.Made.Caller,
                    r.Made.Resource,
                    r.At,
                    r.Made.Verdict,
                    r.Made.Shadow!.Verdict,
                    r.Made.Shadow.Policies,
                    r.Made.Run,
                    r.Made.Call,
                    r.Made.Arguments,
                    r.Made.Shadow.Reason))
                .ToList(),
            Since: shadow.Origin.At);
    }

    private static SimulatedDecisionResource Of(SimulatedDecision difference)
    {
        var (recorded, decision) = (difference.Recorded, difference.Decision);
        return new(
            recorded.Caller,
            recorded.Call.Resource,
            recorded.Call.At,
            DecisionRecords.Word(recorded.Verdict),
            DecisionRecords.Word(decision.Verdict),
            decision.DeterminingPolicies,
            recorded.Run,
            recorded.Number,
            recorded.Call.Action == PolicyAction.UseModel ? null : recorded.Call.Arguments,
            decision.Reason is { } reason ? ErrorResource.From(reason) : null);
    }

    private static List<DecisionChangeResource> Of(IReadOnlyList<DecisionChange> changes) =>
        changes
            .Select(c => new DecisionChangeResource(
                c.Caller,
                DecisionRecords.Word(c.Action),
                c.Resource,
                DecisionRecords.Word(c.Before),
                DecisionRecords.Word(c.After),
                c.IsWider,
                c.Example))
            .ToList();

    private static List<ReachResource> Of(IReadOnlyList<ReachedThing> things) =>
        things
            .Select(t => new ReachResource(t.Name, t.IsReadOnly, t.NeedsApproval, t.Conditions, t.Forbids))
            .ToList();
}
