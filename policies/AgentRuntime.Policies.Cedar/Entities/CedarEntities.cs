using System.Diagnostics.CodeAnalysis;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A store of entities with the hierarchy closed when it is made, so that <c>in</c> is one look-up. Immutable and
/// thread-safe. <see cref="With(ReadOnlySpan{CedarEntity})"/> lays a few entities over a large store without copying
/// it.
/// </summary>
public sealed partial class CedarEntities
{
    private readonly Dictionary<EntityUid, EntityEntry> _entries;
    private readonly CedarEntities? _below;

    private CedarEntities(Dictionary<EntityUid, EntityEntry> entries, CedarEntities? below)
    {
        _entries = entries;
        _below = below;
    }

    public static CedarEntities Empty { get; } = new([], null);

    public int Count => _entries.Count + (_below?.Count ?? 0);

    /// <summary>All entities, those laid on top first.</summary>
    public IEnumerable<CedarEntity> All =>
        _entries.Values.Select(e => e.Entity).Concat(_below?.All ?? []);

    /// <summary>A store of these entities.</summary>
    /// <exception cref="CedarException">
    /// An entity comes twice with different contents, the hierarchy has a cycle, or a limit is passed.
    /// </exception>
    public static CedarEntities Create(IEnumerable<CedarEntity> entities, CedarLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(entities);
        return Build(entities, below: null, limits ?? CedarLimits.Default);
    }

    /// <summary>These entities laid over this store; none of them may be in it already.</summary>
    /// <exception cref="CedarException">As for <see cref="Create"/>, or an entity is already in the store.</exception>
    public CedarEntities With(params ReadOnlySpan<CedarEntity> entities) =>
        entities.IsEmpty ? this : Build(entities.ToArray(), this, CedarLimits.Default);

    public bool TryGet(EntityUid uid, [NotNullWhen(true)] out CedarEntity? entity)
    {
        ArgumentNullException.ThrowIfNull(uid);
        entity = Find(uid)?.Entity;
        return entity is not null;
    }

    /// <summary>Cedar's <c>in</c>: the same entity, or an ancestor of it.</summary>
    public bool IsIn(EntityUid uid, EntityUid ancestor)
    {
        ArgumentNullException.ThrowIfNull(uid);
        ArgumentNullException.ThrowIfNull(ancestor);
        return uid.Equals(ancestor) || (Find(uid)?.HasAncestor(ancestor) ?? false);
    }

    /// <summary>All ancestors of an entity, without itself; none when it is not in the store.</summary>
    public IReadOnlyList<EntityUid> AncestorsOf(EntityUid uid)
    {
        ArgumentNullException.ThrowIfNull(uid);
        return Find(uid)?.Ancestors ?? [];
    }

    internal EntityEntry? Find(EntityUid uid)
    {
        for (var store = this; store is not null; store = store._below)
            if (store._entries.TryGetValue(uid, out var entry)) return entry;
        return null;
    }
}
