namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// What the validator asks a schema: attributes of joined types, tags, and which type can be in which.
/// </summary>
internal sealed class SchemaFacts(CedarSchema schema)
{
    private readonly HashSet<(string Type, string Ancestor)> _actionTypes =
        [.. schema.ActionInfos.Values.SelectMany(a => a.Ancestors.Select(up => (a.Uid.Type, up.Type)))];

    public static bool IsAction(string type) => CedarNames.Basename(type) == "Action";

    public bool IsKnownType(string type) => IsAction(type) || schema.EntityTypeInfos.ContainsKey(type);

    /// <summary>Whether an entity of the first type may be the second or below it.</summary>
    public bool MayBeIn(string type, string ancestor) =>
        type == ancestor
        || (schema.EntityTypeInfos.TryGetValue(type, out var info) && info.AncestorTypes.Contains(ancestor))
        || _actionTypes.Contains((type, ancestor));

    public bool MayBeIn(EntityType type, EntityType ancestor) =>
        type.Names.Any(t => ancestor.Names.Any(a => MayBeIn(t, a)));

    /// <summary>The types that may be in entities of a type, itself included.</summary>
    public HashSet<string> TypesIn(string ancestor)
    {
        var types = new HashSet<string>(StringComparer.Ordinal) { ancestor };
        foreach (var (name, info) in schema.EntityTypeInfos)
            if (info.AncestorTypes.Contains(ancestor)) types.Add(name);
        return types;
    }

    public AttributeType? AttributeOf(CedarType type, string name)
    {
        switch (type)
        {
            case RecordType record: return record.Attributes.TryGetValue(name, out var found) ? found : null;
            case EntityType entity:
                AttributeType? joined = null;
                foreach (var one in entity.Names)
                {
                    if (!schema.EntityTypeInfos.TryGetValue(one, out var info)
                        || !info.Attributes.Attributes.TryGetValue(name, out var attribute)) return null;
                    if (joined is not { } before)
                    {
                        joined = attribute;
                        continue;
                    }

                    if (TypeRelations.LeastUpperBound(before.Type, attribute.Type, strict: false) is not { } bound)
                        return null;
                    joined = new(bound, before.IsRequired && attribute.IsRequired);
                }

                return joined;
            default: return null;
        }
    }

    public IEnumerable<string> AttributesOf(CedarType type) => type switch
    {
        RecordType record => record.Attributes.Keys,
        EntityType entity => entity.Names.SelectMany(n =>
            schema.EntityTypeInfos.TryGetValue(n, out var info) ? info.Attributes.Attributes.Keys.AsEnumerable() : []),
        _ => [],
    };

    public bool MayHaveAttribute(CedarType type, string name) => type switch
    {
        NeverType or AnyEntityType => true,
        RecordType record => record.IsOpen || record.Attributes.ContainsKey(name),
        EntityType entity => entity.Names.Any(n => schema.EntityTypeInfos.TryGetValue(n, out var info)
            && (info.Attributes.IsOpen || info.Attributes.Attributes.ContainsKey(name))),
        _ => false,
    };

    /// <summary>The distinct types that the tags of such an entity can have; types without tags are left out.</summary>
    public List<CedarType> TagTypesOf(CedarType type)
    {
        var names = type is EntityType entity ? entity.Names : schema.EntityTypeInfos.Keys.AsEnumerable();
        var types = new List<CedarType>();
        foreach (var name in names)
        {
            if (schema.EntityTypeInfos.TryGetValue(name, out var info) && info.Tags is { } tags
                && !types.Exists(t => TypeRelations.AreEqual(t, tags))) types.Add(tags);
        }

        return types;
    }
}
