using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>One version of a tenant's bundle as the platform uses it. Immutable and thread-safe.</summary>
internal sealed class BundleSnapshot : IPolicySnapshot
{
    private readonly ConcurrentDictionary<string, IReadOnlySet<string>> _visible = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, HistoryPlan> _plans = new(StringComparer.Ordinal);

    private readonly FrozenDictionary<string, ApprovalScope> _approvals;
    private readonly FrozenDictionary<string, GrantObligations> _obligations;
    private readonly FrozenDictionary<string, IReadOnlyList<Obligation>> _redacted;
    private readonly Visibility _visibility;
    private readonly ThreatMonitor _threats;
    private readonly int _firstPriority;
    private readonly ByteCount _memory;

    /// <param name="bundle">The bundle.</param>
    /// <param name="options">The operator's options.</param>
    /// <param name="threats">What is held against agents, over all of their runs; null for nothing yet.</param>
    public BundleSnapshot(CompiledBundle bundle, PolicyOptions options, ThreatMonitor? threats = null)
    {
        Bundle = bundle;
        _firstPriority = options.FirstPriority;
        _memory = options.MemoryCeiling;
        _threats = threats ?? new();
        _visibility = new(bundle);
        _obligations = bundle.Generated
            .Where(g => g.Grant?.Obligations is not null)
            .ToFrozenDictionary(g => g.Id, g => g.Grant!.Obligations!, StringComparer.Ordinal);
        _redacted = bundle.Generated
            .Where(g => g.Grant?.Obligations is { Redacted.Count: > 0 })
            .GroupBy(g => g.Grant!.Tool, StringComparer.Ordinal)
            .ToFrozenDictionary(
                g => g.Key,
                IReadOnlyList<Obligation> (g) => g
                    .SelectMany(p => p.Grant!.Obligations!.Redacted)
                    .Distinct(StringComparer.Ordinal)
                    .Select(name => new Obligation.Redact(name))
                    .ToList(),
                StringComparer.Ordinal);
        _approvals = bundle.Generated
            .Where(g => g.Grant is { NeedsApproval: true })
            .ToFrozenDictionary(g => g.Id, g => g.Grant!.Approval, StringComparer.Ordinal);
        Tenant = new(
            BundleReader.Least(bundle.Definition.Quota, options.QuotaCeiling),
            bundle.Definition.Servers
                .Select(s => new ToolServer(s.Name, options.ToolEndpoints.GetValueOrDefault(s.Name) ?? s.Endpoint)
                {
                    Timeout = s.Timeout, NamedEndpoint = s.Endpoint, Egress = bundle.Definition.Egress,
                })
                .ToList(),
            bundle.Definition.Tools.Select(t => t.Descriptor).ToList())
        {
            ClientSlo = WithinOrder(bundle.Definition.ClientSlo),
            Memory = bundle.Definition.Memory.Select(m => m.Bucket).ToList(),
        };
    }

    public CompiledBundle Bundle { get; }

    public BundleDigest Digest => Bundle.Digest;

    public TenantPolicy Tenant { get; }

    public AgentPolicy? FindAgent(string qualifiedName)
    {
        if (Bundle.Agents.GetValueOrDefault(qualifiedName)?.Policy is not { } policy)
            return null;
        if (AgentReader.Least(policy.Limits, _memory) is var limits && limits != policy.Limits)
            policy = policy with { Limits = limits };
        return policy.Slo is { } slo && slo.Priority < _firstPriority
            ? policy with { Slo = WithinOrder(slo) }
            : policy;
    }

    public IRunPolicy Open(WorkIdentity identity) => OpenRun(identity);

    public RuntimeError? RefusalToStart(WorkIdentity identity, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(identity);
        return identity.AgentName is { } agent && Bundle.Agents.ContainsKey(agent)
            ? RunThreats.QuarantineOf(_threats.Of(identity.Tenant, agent), agent, at)
            : null;
    }

    /// <param name="identity">Whose run it is.</param>
    /// <param name="threats">What is held against agents, when not what the platform holds.</param>
    internal RunPolicy OpenRun(WorkIdentity identity, ThreatMonitor? threats = null)
    {
        ArgumentNullException.ThrowIfNull(identity);
        if (identity.AgentName is { } agent)
        {
            var definition = Bundle.Agents.GetValueOrDefault(agent);
            return new RunPolicy(this, identity, EntityNames.Agent(agent), definition, Bundle.Entities)
            {
                Threats = ThreatsOf(definition, identity, threats ?? _threats),
            };
        }

        var client = EntityNames.Client(identity.ProjectName);
        var entities = Bundle.Entities.TryGet(client, out _)
            ? Bundle.Entities
            : Bundle.Entities.With(EntityNames.ClientOf(identity.ProjectName));
        return new RunPolicy(this, identity, client, null, entities);
    }

    // A bundle that was in force before may name an earlier priority than those that may be named now.
    private SloTarget? WithinOrder(SloTarget? target) =>
        target is not null && target.Priority < _firstPriority ? target with { Priority = _firstPriority } : target;

    private RunThreats? ThreatsOf(AgentDefinition? agent, WorkIdentity identity, ThreatMonitor threats) =>
        agent is null
            ? null
            : new(
                Bundle.Definition.Threats.Where(r => r.Agents.Count == 0 || r.Agents.Contains(agent.Name)).ToList(),
                identity,
                Digest,
                threats);

    /// <summary>What a permit changes about the calls that it allows; null when nothing.</summary>
    public GrantObligations? ObligationsOf(string permitId) => _obligations.GetValueOrDefault(permitId);

    /// <summary>
    /// A call's arguments as records may hold them: what any grant of the tool redacts, nobody's record shows, also
    /// when the call is refused. Null when those that were asked may be recorded: none of them is redacted.
    /// </summary>
    public JsonElement? Recordable(PolicyCall call) =>
        _redacted.TryGetValue(call.Resource, out var redacted)
        && call is { Action: PolicyAction.CallTool, Arguments.ValueKind: JsonValueKind.Object }
            ? GrantObligations.Rewrite(call.Arguments, redacted)
            : null;

    /// <summary>What an approval covers that a permit needs.</summary>
    public ApprovalScope ScopeOf(string permitId) => _approvals.GetValueOrDefault(permitId, ApprovalScope.Default);

    /// <summary>What an agent's runs must remember; laid out once for each agent that is named.</summary>
    public HistoryPlan PlanOf(AgentDefinition agent) =>
        _plans.GetOrAdd(agent.Name, static (_, definition) => HistoryPlan.Of(definition), agent);

    /// <summary>
    /// The tools that an agent could call with some arguments; computed once for each agent that is named.
    /// </summary>
    public IReadOnlySet<string> VisibleTo(AgentDefinition agent) =>
        _visible.GetOrAdd(agent.Name, static (name, visibility) => visibility.ToolsOf(name), _visibility);
}
