using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>Tells which policy decided a call and what would have to be true for another decision. Stateless.</summary>
public static class PolicyExplainer
{
    /// <summary>Explains the decision that a bundle makes.</summary>
    /// <exception cref="RuntimeErrorException">AR2007: the first thing that is wrong with the bundle.</exception>
    public static PolicyExplanation Explain(
        IReadOnlyDictionary<string, string> files, PolicyQuestion question, PolicyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(question);
        var bundle = BundleInspection.Compile(files, options);
        return Explain(new BundleSnapshot(bundle, options ?? new()), question);
    }

    internal static PolicyExplanation Explain(
        BundleSnapshot snapshot, PolicyQuestion question, CancellationToken cancellationToken = default)
    {
        var run = OfflineRun.Open(snapshot, question.Caller);
        if (OfflineRun.Replay(run, question.History, cancellationToken) is { } impossible)
        {
            var (refused, index) = impossible;
            return new(refused, [], OfflineRun.Impossible(index, refused));
        }

        return Explain(snapshot, run, question.ToCall());
    }

    /// <summary>Explains what a run decides about a call now.</summary>
    internal static PolicyExplanation Explain(BundleSnapshot snapshot, RunPolicy run, PolicyCall call)
    {
        // Looked at before the decision, which changes the history when it allows the call.
        var request = run.RequestOf(call, out var entities);
        var findings = new List<PolicyFinding>();
        if (request is not null)
        {
            var generated = snapshot.Bundle.Generated.ToDictionary(g => g.Id, StringComparer.Ordinal);
            foreach (var policy in snapshot.Bundle.Policies.Policies)
            {
                if (Scopes.Fit(policy, request.Principal, request.Action, request.Resource, entities))
                    findings.Add(Find(policy, generated.GetValueOrDefault(policy.Id), run, call, request, entities));
            }
        }

        var decision = run.Decide(call);
        var deciding = decision.DeterminingPolicies.ToHashSet(StringComparer.Ordinal);
        return new(
            decision,
            findings
                .Select(f => f with { Decided = deciding.Contains(f.Id) })
                .OrderByDescending(f => f.Decided)
                .ThenBy(f => f.Truth)
                .ToList());
    }

    private static PolicyFinding Find(
        CedarPolicy policy,
        GeneratedPolicy? source,
        RunPolicy run,
        PolicyCall call,
        CedarRequest request,
        CedarEntities entities)
    {
        var truth = PolicyTruth.Holds;
        var unmet = new List<string>();
        foreach (var part in ConditionParts.Of(policy))
        {
            var holds = part.Holds(request, entities, out var error);
            if (holds == true)
                continue;
            truth = holds is null ? PolicyTruth.Fails : PolicyTruth.DoesNotHold;
            unmet.Add(error is null ? Describe(part, source, run, call) : $"{part.Text} fails: {error}");
            break;
        }

        return new(
            policy.Id,
            policy.Effect == CedarEffect.Permit ? "permit" : "forbid",
            source?.Position.ToString() ?? policy.Position.ToString(),
            source?.Text.TrimEnd() ?? policy.ToString(),
            truth,
            false,
            unmet);
    }

    // A grant's history is one fact to Cedar; its author wants to know which condition of it does not hold.
    private static string Describe(ConditionPart part, GeneratedPolicy? source, RunPolicy run, PolicyCall call) =>
        source?.Grant is { History.Count: > 0 }
        && part.Expression.StartsWith("context.history.holds.contains(", StringComparison.Ordinal)
        && run.UnmetHistory(source.Id, call) is { } condition
            ? condition.Describe()
            : part.Text;
}
