namespace AgentRuntime.Policies.Cedar;

/// <summary>An entity: its name, attributes, direct parents and tags. Immutable.</summary>
public sealed class CedarEntity
{
    public CedarEntity(
        EntityUid uid, CedarRecord? attributes = null, IEnumerable<EntityUid>? parents = null, CedarRecord? tags = null)
    {
        ArgumentNullException.ThrowIfNull(uid);
        Uid = uid;
        Attributes = attributes ?? CedarRecord.Empty;
        Parents = parents is null ? [] : [.. parents.Distinct()];
        Tags = tags ?? CedarRecord.Empty;
    }

    public EntityUid Uid { get; }

    public CedarRecord Attributes { get; }

    /// <summary>Direct parents, without duplicates.</summary>
    public IReadOnlyList<EntityUid> Parents { get; }

    public CedarRecord Tags { get; }
}
