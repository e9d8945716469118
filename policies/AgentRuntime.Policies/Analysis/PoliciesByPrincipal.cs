using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// A bundle's policies by the one principal that their head names, so that what fits an agent is found without a look
/// at what is for all others. Not thread-safe: it keeps the text of each policy that was asked for.
/// </summary>
internal sealed class PoliciesByPrincipal
{
    private readonly Dictionary<EntityUid, List<CedarPolicy>> _ofOne = [];
    private readonly List<CedarPolicy> _ofMany = [];
    private readonly Dictionary<CedarPolicy, string> _texts = new(ReferenceEqualityComparer.Instance);

    public PoliciesByPrincipal(CompiledBundle bundle)
    {
        Bundle = bundle;
        foreach (var policy in bundle.Policies.Policies)
        {
            if (policy.Principal.Operator != CedarScopeOperator.Equal)
                _ofMany.Add(policy);
            else if (_ofOne.TryGetValue(policy.Principal.Entities[0], out var list))
                list.Add(policy);
            else
                _ofOne.Add(policy.Principal.Entities[0], [policy]);
        }
    }

    public CompiledBundle Bundle { get; }

    /// <summary>The policies whose head fits: first those that name the principal, then those for many.</summary>
    public List<CedarPolicy> ThatFit(EntityUid principal, EntityUid action, EntityUid resource) =>
        _ofOne.GetValueOrDefault(principal, [])
            .Concat(_ofMany)
            .Where(p => Scopes.Fit(p, principal, action, resource, Bundle.Entities))
            .ToList();

    /// <summary>A policy as Cedar, without the place in a file that it comes from.</summary>
    public string TextOf(CedarPolicy policy)
    {
        if (_texts.TryGetValue(policy, out var known))
            return known;
        var text = policy.ToString();
        if (policy.Annotations.TryGetValue("source", out var source))
            text = text.Replace($"@source({CedarText.Quote(source)})", "", StringComparison.Ordinal);
        return _texts[policy] = text;
    }
}
