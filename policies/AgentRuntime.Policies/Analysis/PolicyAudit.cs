using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>Lists what a bundle lets everybody reach at most, and what in it nobody needs. Stateless.</summary>
public static class PolicyAudit
{
    /// <summary>Audits a bundle against the decisions that were made under it.</summary>
    /// <param name="files">The bundle.</param>
    /// <param name="recorded">Decisions of the time that is looked at; empty leaves
    /// <see cref="AuditReport.NeverDecided"/> empty.</param>
    /// <param name="options">The operator's options; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels, between two agents too.</param>
    /// <exception cref="RuntimeErrorException">AR2007: the first thing that is wrong with the bundle.</exception>
    public static AuditReport Run(
        IReadOnlyDictionary<string, string> files,
        IEnumerable<RecordedDecision>? recorded = null,
        PolicyOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var bundle = BundleInspection.Compile(files, options, cancellationToken);
        var visibility = new Visibility(bundle);
        var reach = bundle.Definition.Agents
            .Select(a => ReachOf(a, bundle, visibility, cancellationToken))
            .ToList();
        var reached = reach.SelectMany(r => r.Tools).Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        var decided = recorded?.SelectMany(r => r.DeterminingPolicies).ToHashSet(StringComparer.Ordinal);
        return new(
            bundle.Digest,
            reach,
            bundle.Definition.Tools.Select(t => t.Name).Where(t => !reached.Contains(t)).ToList(),
            decided is null
                ? []
                : bundle.Policies.Policies.Select(p => p.Id).Where(id => !decided.Contains(id)).ToList());
    }

    private static AgentReach ReachOf(
        AgentDefinition agent, CompiledBundle bundle, Visibility visibility, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var principal = EntityNames.Agent(agent.Name);
        var tools = bundle.Tools.Values
            .Select(t => ReachOf(t.Pin.Name, t.Pin.IsReadOnly, visibility.Look(principal, t.Action, t.Server)))
            .OfType<ReachedThing>()
            .OrderBy(t => t.Name, StringComparer.Ordinal)
            .ToList();
        var models = bundle.Models
            .Select(m => ReachOf(m.Key, true, visibility.Look(principal, EntityNames.UseModel, m.Value)))
            .OfType<ReachedThing>()
            .OrderBy(m => m.Name, StringComparer.Ordinal)
            .ToList();
        var memory = bundle.Memory.Values
            .OrderBy(m => m.Definition.Name, StringComparer.Ordinal)
            .SelectMany(IEnumerable<ReachedThing?> (m) =>
            [
                ReachOf(m.Definition.Name, true, visibility.Look(principal, EntityNames.ReadMemory, m.Resource)),
                ReachOf(m.Definition.Name, false, visibility.Look(principal, EntityNames.WriteMemory, m.Resource)),
            ])
            .OfType<ReachedThing>()
            .ToList();
        return new(agent.Name, tools, models) { Memory = memory };
    }

    private static ReachedThing? ReachOf(string name, bool readOnly, CedarPartialResponse response)
    {
        if (!Visibility.CouldAllow(response))
            return null;
        var always = response.Satisfied.Where(p => p.Effect == CedarEffect.Permit).ToList();
        var perhaps = response.Residuals.Where(r => r.Policy.Effect == CedarEffect.Permit).ToList();
        var conditions = always.Exists(p => !NeedsApproval(p))
            ? []
            : always.Select(_ => "with approval").Concat(perhaps.Select(Describe)).ToList();
        return new(
            name,
            readOnly,
            always.TrueForAll(NeedsApproval) && perhaps.TrueForAll(r => NeedsApproval(r.Policy)),
            conditions,
            response.Residuals.Where(r => r.Policy.Effect == CedarEffect.Forbid).Select(r => r.Policy.Id).ToList());
    }

    private static bool NeedsApproval(CedarPolicy permit) => permit.Annotations.ContainsKey("approval");

    private static string Describe(CedarResidual permit) =>
        NeedsApproval(permit.Policy) ? $"{permit.Condition}, with approval" : permit.Condition;
}

/// <summary>What an audit found. Immutable.</summary>
/// <param name="Bundle">The bundle.</param>
/// <param name="Agents">What each agent can reach at most.</param>
/// <param name="UnreachableTools">Tools that are pinned and that nobody can call.</param>
/// <param name="NeverDecided">Policies that determined none of the recorded decisions.</param>
public sealed record AuditReport(
    BundleDigest Bundle,
    IReadOnlyList<AgentReach> Agents,
    IReadOnlyList<string> UnreachableTools,
    IReadOnlyList<string> NeverDecided);

/// <summary>What one agent can reach at most. Immutable.</summary>
public sealed record AgentReach(string Agent, IReadOnlyList<ReachedThing> Tools, IReadOnlyList<ReachedThing> Models)
{
    /// <summary>Buckets that it can read, and with <see cref="ReachedThing.IsReadOnly"/> false write.</summary>
    public IReadOnlyList<ReachedThing> Memory { get; init; } = [];
}

/// <summary>A tool, model or bucket that an agent can reach. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsReadOnly">It changes nothing, as far as its pin says.</param>
/// <param name="NeedsApproval">Only with a person's approval.</param>
/// <param name="Conditions">Alternatives, one of which must hold; empty when any arguments will do.</param>
/// <param name="Forbids">Policies that may refuse it nevertheless.</param>
public sealed record ReachedThing(
    string Name, bool IsReadOnly, bool NeedsApproval, IReadOnlyList<string> Conditions, IReadOnlyList<string> Forbids);
