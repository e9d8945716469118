namespace AgentRuntime.Policies.Cedar;

/// <summary>A node of the index: a few policies as they are, or branches by the next part of the scope.</summary>
internal sealed class IndexNode
{
    // So few are faster to test than to find.
    private const int FlatLimit = 4;
    private const int Levels = 3;

    private int[] _flat = [];
    private bool _isExact;
    private IndexNode? _any;
    private Dictionary<EntityUid, IndexNode>? _equal;
    private Dictionary<EntityUid, IndexNode>? _within;
    private Dictionary<string, IndexNode>? _types;

    public static IndexNode Build(CompiledPolicy[] policies, List<int> ordinals, int level)
    {
        if (ordinals.Count <= FlatLimit || level == Levels)
        {
            // Three branches deep the whole scope has matched, except the type of `is … in`.
            var isExact = level == Levels && !ordinals.Exists(o => HasTypeAndAncestor(policies[o].Policy));
            return new() { _flat = [.. ordinals], _isExact = isExact };
        }

        List<int>? any = null;
        Dictionary<EntityUid, List<int>>? equal = null, within = null;
        Dictionary<string, List<int>>? types = null;
        foreach (var ordinal in ordinals)
        {
            var scope = ScopeOf(policies[ordinal].Policy, level);
            switch (scope.Operator)
            {
                case CedarScopeOperator.Any: (any ??= []).Add(ordinal); break;
                case CedarScopeOperator.Equal: Add(equal ??= [], scope.Entity, ordinal); break;
                case CedarScopeOperator.Is:
                    Add(types ??= new(StringComparer.Ordinal), scope.EntityType!, ordinal); break;
                default:
                    foreach (var ancestor in scope.EntityArray.Distinct()) Add(within ??= [], ancestor, ordinal);
                    break;
            }
        }

        return new()
        {
            _any = any is null ? null : Build(policies, any, level + 1),
            _equal = equal?.ToDictionary(p => p.Key, p => Build(policies, p.Value, level + 1)),
            _within = within?.ToDictionary(p => p.Key, p => Build(policies, p.Value, level + 1)),
            _types = types?.ToDictionary(p => p.Key, p => Build(policies, p.Value, level + 1), StringComparer.Ordinal),
        };
    }

    public void Visit(PolicyIndex index, ref DecisionVisit visit, int level)
    {
        foreach (var ordinal in _flat) visit.Test(index, ordinal, _isExact);
        if (level == Levels) return;
        _any?.Visit(index, ref visit, level + 1);
        var (uid, entry) = visit.Subject(level);
        if (_equal is not null && _equal.TryGetValue(uid, out var next)) next.Visit(index, ref visit, level + 1);
        if (_types is not null && _types.TryGetValue(uid.Type, out next)) next.Visit(index, ref visit, level + 1);
        if (_within is not null) VisitWithin(_within, index, ref visit, level, uid, entry);
    }

    /// <summary>As a visit, with every branch taken where the subject is not known.</summary>
    public void Collect(ISet<int> into, CedarEntities entities, EntityUid?[] subjects, int level)
    {
        foreach (var ordinal in _flat) into.Add(ordinal);
        if (level == Levels) return;
        _any?.Collect(into, entities, subjects, level + 1);
        var subject = subjects[level];
        foreach (var (uid, next) in _equal ?? [])
            if (subject is null || subject.Equals(uid)) next.Collect(into, entities, subjects, level + 1);
        foreach (var (type, next) in _types ?? [])
            if (subject is null || subject.Type == type) next.Collect(into, entities, subjects, level + 1);
        foreach (var (ancestor, next) in _within ?? [])
            if (subject is null || entities.IsIn(subject, ancestor)) next.Collect(into, entities, subjects, level + 1);
    }

    private static void VisitWithin(
        Dictionary<EntityUid, IndexNode> within,
        PolicyIndex index,
        ref DecisionVisit visit,
        int level,
        EntityUid uid,
        EntityEntry? entry)
    {
        if (within.TryGetValue(uid, out var next)) next.Visit(index, ref visit, level + 1);
        if (entry is null) return;
        // From the shorter side: an entity may have thousands of ancestors, and so may policies name.
        if (entry.Ancestors.Length <= within.Count)
        {
            foreach (var ancestor in entry.Ancestors)
                if (within.TryGetValue(ancestor, out next)) next.Visit(index, ref visit, level + 1);
            return;
        }

        foreach (var (ancestor, node) in within)
            if (entry.HasAncestor(ancestor)) node.Visit(index, ref visit, level + 1);
    }

    private static bool HasTypeAndAncestor(CedarPolicy policy) =>
        policy.Principal.Operator == CedarScopeOperator.IsIn || policy.Resource.Operator == CedarScopeOperator.IsIn;

    private static CedarScope ScopeOf(CedarPolicy policy, int level) => level switch
    {
        0 => policy.Action,
        1 => policy.Principal,
        _ => policy.Resource,
    };

    private static void Add<TKey>(Dictionary<TKey, List<int>> into, TKey key, int ordinal)
        where TKey : notnull
    {
        if (!into.TryGetValue(key, out var list)) into.Add(key, list = []);
        list.Add(ordinal);
    }
}
