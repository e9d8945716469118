namespace AgentRuntime.Policies.Cedar;

/// <summary>An entity in a store with all its ancestors.</summary>
internal sealed class EntityEntry
{
    private const int LinearLimit = 6;

    private readonly HashSet<EntityUid>? _lookup;

    public EntityEntry(CedarEntity entity, EntityUid[] ancestors)
    {
        Entity = entity;
        Ancestors = ancestors;
        if (ancestors.Length > LinearLimit) _lookup = [.. ancestors];
    }

    public CedarEntity Entity { get; }

    /// <summary>All ancestors, without the entity itself, each once.</summary>
    public EntityUid[] Ancestors { get; }

    public bool HasAncestor(EntityUid uid)
    {
        if (_lookup is not null) return _lookup.Contains(uid);
        foreach (var ancestor in Ancestors)
            if (ancestor.Equals(uid)) return true;
        return false;
    }
}
