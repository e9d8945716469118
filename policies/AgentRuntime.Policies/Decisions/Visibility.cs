using System.Collections.Concurrent;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Partial evaluation with the context unknown: what each policy comes to when only principal, action and resource are
/// given. Sound both ways: what it hides no call is allowed for; what it shows may still be refused. Thread-safe.
/// </summary>
internal sealed class Visibility(CompiledBundle bundle)
{
    private readonly ConcurrentDictionary<string, IReadOnlyList<ConditionPart>> _parts = new(StringComparer.Ordinal);

    /// <summary>
    /// The tools that an agent could be allowed to call with some arguments, at some time, after some history.
    /// </summary>
    public IReadOnlySet<string> ToolsOf(string agent)
    {
        var principal = EntityNames.Agent(agent);
        var policies = bundle.Policies.Policies
            .Where(p => Scopes.Fits(p.Principal, principal, bundle.Entities))
            .ToList();
        return bundle.Tools.Values
            .Where(t => CouldAllow(policies, new(principal, t.Action, t.Server)))
            .Select(t => t.Pin.Name)
            .ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Whether some context could let a request through.</summary>
    public bool CouldAllow(CedarRequest request) => CouldAllow(bundle.Policies.Policies, request);

    private bool CouldAllow(IReadOnlyList<CedarPolicy> policies, CedarRequest request)
    {
        var permitted = false;
        foreach (var policy in policies)
        {
            if (!Scopes.Fit(policy, request.Principal, request.Action, request.Resource, bundle.Entities))
                continue;
            if (policy.Effect == CedarEffect.Permit)
                permitted |= CouldHold(policy, request);
            else if (AlwaysRefuses(policy, request))
                return false;
        }

        return permitted;
    }

    /// <summary>A permit with a part that is false or fails whatever the context never holds.</summary>
    public bool CouldHold(CedarPolicy permit, CedarRequest request) =>
        PartsOf(permit).All(p => !p.IsContextFree || p.Holds(request, bundle.Entities, out _) == true);

    /// <summary>
    /// A forbid whose parts all hold whatever the context always does; one that fails refuses as well.
    /// </summary>
    public bool AlwaysRefuses(CedarPolicy forbid, CedarRequest request)
    {
        foreach (var part in PartsOf(forbid))
        {
            if (!part.IsContextFree)
                return false;
            switch (part.Holds(request, bundle.Entities, out _))
            {
                case null:
                    return true;
                case false:
                    return false;
                default:
                    break;
            }
        }

        return true;
    }

    /// <summary>What a permit still asks of the context, in Cedar; empty when it asks nothing.</summary>
    public IReadOnlyList<string> Residual(CedarPolicy permit) =>
        PartsOf(permit).Where(p => !p.IsContextFree).Select(p => p.Text).ToList();

    private IReadOnlyList<ConditionPart> PartsOf(CedarPolicy policy) =>
        _parts.GetOrAdd(policy.Id, static (_, source) => ConditionParts.Of(source), policy);
}
