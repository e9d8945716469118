using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Looks for calls that two bundles decide differently, by trying contexts over the schema's shape. What it finds is
/// real; that it finds nothing proves nothing beyond what was tried. Bounded and seeded. Use once.
/// </summary>
internal sealed class DifferenceSearch(
    CompiledBundle? before, CompiledBundle after, CancellationToken cancellationToken)
{
    private const int ContextsPerTool = 1_500;
    private const long MaxEvaluations = 10_000_000;

    private readonly Random _random = new(20_260_101);
    private readonly PoliciesByPrincipal? _before = before is null ? null : new(before);
    private readonly PoliciesByPrincipal _after = new(after);
    private long _left = MaxEvaluations;

    /// <summary>
    /// At most two examples for each caller and thing: one that is decided more widely, one more narrowly.
    /// </summary>
    public IReadOnlyList<DecisionChange> Run()
    {
        var changes = new List<DecisionChange>();
        foreach (var agent in Union(b => b.Agents.Keys))
        {
            foreach (var tool in Union(b => b.Tools.Keys))
                Search(agent, PolicyAction.CallTool, tool, changes);
            foreach (var model in Union(b => b.Models.Keys))
                SearchModel(agent, EntityNames.Agent(agent), model, changes);
            foreach (var bucket in Union(b => b.Memory.Keys))
            {
                Search(agent, PolicyAction.ReadMemory, bucket, changes);
                Search(agent, PolicyAction.WriteMemory, bucket, changes);
            }
        }

        // Somebody whom neither bundle names stands for all of them.
        var projects = Union(b => b.Definition.Models.SelectMany(m => m.DirectProjects)).Append("any-other-project");
        foreach (var project in projects)
        {
            foreach (var model in Union(b => b.Models.Keys))
                SearchModel(project, EntityNames.Client(project), model, changes);
        }

        return changes;
    }

    private void Search(string agent, PolicyAction action, string resource, List<DecisionChange> changes)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_left < 0)
            return;
        var principal = EntityNames.Agent(agent);
        var was = Side(_before, agent, principal, action, resource);
        var will = Side(_after, agent, principal, action, resource);
        if (was is null && will is null)
            return;
        if (was is not null && will is not null && was.Says(will))
            return;
        var shape = (will ?? was)!.Arguments;
        var constants = PolicyConstants.Of((was?.Policies ?? []).Concat(will?.Policies ?? []));
        var samples = new ContextSamples(constants, _random);
        var found = new HashSet<bool>();
        var cost = Math.Max(1, was?.Policies.Count ?? 0) + Math.Max(1, will?.Policies.Count ?? 0);
        foreach (var input in samples.Records(shape, ContextsPerTool))
        {
            foreach (var assumed in Assumptions(agent, resource))
            {
                if ((_left -= cost) < 0 || found.Count == 2)
                    return;
                cancellationToken.ThrowIfCancellationRequested();
                var (old, next) = (Decide(was, action, assumed, input), Decide(will, action, assumed, input));
                if (old == next)
                    continue;
                var change = new DecisionChange(
                    agent, action, resource, old, next, $"{input}{assumed.Text}");
                if (found.Add(change.IsWider))
                    changes.Add(change);
            }
        }
    }

    private void SearchModel(string caller, EntityUid principal, string model, List<DecisionChange> changes)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var context = CedarRecord.Create(
            ("user", "key:test"),
            ("now", CedarValue.Datetime(PolicyTestReader.DefaultTime)),
            ("history", Assumed.Nothing.ToRecord(0, CedarSet.Empty, approved: false)));
        var old = DecideModel(before, caller, principal, model, context);
        var next = DecideModel(after, caller, principal, model, context);
        if (old != next)
            changes.Add(new(caller, PolicyAction.UseModel, model, old, next, ""));
    }

    private static Verdict DecideModel(
        CompiledBundle? bundle, string caller, EntityUid principal, string model, CedarRecord context)
    {
        if (bundle is null || !bundle.Models.TryGetValue(model, out var resource))
            return Verdict.Deny;
        var isAgent = caller.Contains('/', StringComparison.Ordinal);
        if (isAgent && !bundle.Agents.ContainsKey(caller))
            return Verdict.Deny;
        var entities = isAgent || bundle.Entities.TryGet(principal, out _)
            ? bundle.Entities
            : bundle.Entities.With(EntityNames.ClientOf(caller));
        return Verdicts.Of(CedarAuthorizer.Authorize(
            bundle.Policies, entities, new(principal, EntityNames.UseModel, resource, context))).ToVerdict();
    }

    private static Verdict Decide(OneSide? side, PolicyAction action, Assumed assumed, CedarRecord input)
    {
        if (side is null)
            return Verdict.Deny;
        var outcome = side.Ask(assumed, assumed.IsApproved, input);
        return outcome == Verdicts.Outcome.Forbidden && action == PolicyAction.CallTool && !assumed.IsApproved
            && side.Ask(assumed, approved: true, input).MayBeApproved()
                ? Verdict.RequireApproval
                : outcome.ToVerdict();
    }

    // What history may have come to: its conditions hold or not, nothing or something untrusted came in, approved or
    // not.
    private IEnumerable<Assumed> Assumptions(string agent, string tool)
    {
        var ids = CedarSet.Create(Union(b => b.Agents.TryGetValue(agent, out var definition)
                ? GrantPolicies.Name(definition)
                    .Where(g => g.Grant.Tool == tool && g.Grant.History.Count > 0)
                    .Select(g => g.Id)
                : [])
            .Select(CedarValue.String));
        yield return new(true, true, false, ids, "");
        yield return new(false, true, false, ids, " after untrusted input");
        yield return new(true, false, false, ids, " after a failure");
        if (ids.Count > 0)
            yield return new(true, true, false, CedarSet.Empty, " when no history condition holds");
        yield return new(false, false, true, ids, " after untrusted input, a failure and an approval");
    }

    private static OneSide? Side(
        PoliciesByPrincipal? policies, string agent, EntityUid principal, PolicyAction action, string resource)
    {
        if (policies?.Bundle is not { } bundle || !bundle.Agents.ContainsKey(agent))
            return null;
        if (action == PolicyAction.CallTool)
        {
            return bundle.Tools.TryGetValue(resource, out var tool)
                ? Side(
                    policies,
                    principal,
                    tool.Action,
                    tool.Server,
                    tool.Pin.Arguments,
                    tool.Pin.Descriptor.InputSchema.GetRawText())
                : null;
        }

        return bundle.Memory.TryGetValue(resource, out var memory)
            ? Side(
                policies,
                principal,
                MemoryCalls.ActionOf(action),
                memory.Resource,
                MemoryCalls.ArgumentsOf(action),
                "")
            : null;
    }

    private static OneSide? Side(
        PoliciesByPrincipal all,
        EntityUid principal,
        EntityUid action,
        EntityUid resource,
        ObjectShape arguments,
        string schema)
    {
        var policies = all.ThatFit(principal, action, resource);
        return policies.Exists(p => p.Effect == CedarEffect.Permit)
            ? new(principal, action, resource, policies, all)
            {
                Arguments = arguments,
                Schema = schema,
            }
            : null;
    }

    private SortedSet<string> Union(Func<CompiledBundle, IEnumerable<string>> names)
    {
        var all = new SortedSet<string>(names(after), StringComparer.Ordinal);
        if (before is not null)
            all.UnionWith(names(before));
        return all;
    }

    /// <summary>What one bundle says of one agent and one thing that it may do.</summary>
    private sealed record OneSide(
        EntityUid Principal,
        EntityUid Action,
        EntityUid Resource,
        List<CedarPolicy> Policies,
        PoliciesByPrincipal All)
    {
        private CedarPolicySet? _set;

        /// <summary>What the arguments may be.</summary>
        public required ObjectShape Arguments { get; init; }

        /// <summary>The schema that a tool is pinned with; empty for memory, where it is always the same.</summary>
        public required string Schema { get; init; }

        /// <summary>The other says the same to the letter, places in files aside.</summary>
        public bool Says(OneSide other) =>
            Schema == other.Schema
            && Policies.Select(All.TextOf).SequenceEqual(
                other.Policies.Select(other.All.TextOf), StringComparer.Ordinal);

        /// <summary>What Cedar's answer comes to after a history, with these arguments.</summary>
        public Verdicts.Outcome Ask(Assumed assumed, bool approved, CedarRecord input)
        {
            var context = CedarRecord.Create(
                ("user", "key:test"),
                ("now", CedarValue.Datetime(PolicyTestReader.DefaultTime)),
                ("history", assumed.ToRecord(0, assumed.Holds, approved)),
                ("input", input));
            return Verdicts.Of(CedarAuthorizer.Authorize(
                _set ??= CedarPolicySet.Create(Policies),
                All.Bundle.Entities,
                new(Principal, Action, Resource, context)));
        }
    }

    /// <summary>A history that the search assumes.</summary>
    private sealed record Assumed(bool IsTrusted, bool IsFaultless, bool IsApproved, CedarSet Holds, string Text)
    {
        public static Assumed Nothing { get; } = new(true, true, false, CedarSet.Empty, "");

        public CedarRecord ToRecord(long calls, CedarSet holds, bool approved) =>
            CedarRecord.Create(
                ("calls", calls),
                ("tool_calls", calls),
                ("model_calls", 0L),
                ("failures", IsFaultless ? 0L : 1L),
                ("integrity", IsTrusted ? "trusted" : "untrusted"),
                ("confidentiality", "tenant"),
                ("sources", CedarSet.Empty),
                ("holds", holds),
                ("approved", approved));
    }
}
