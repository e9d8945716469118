namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Whether values have the types that a schema wants, with all entities of enumerated types declared.
/// </summary>
internal sealed class ValueValidation(CedarSchema schema)
{
    // A value is no deeper than its document was, which is bounded.
    public bool Fits(CedarValue value, CedarType type)
    {
        switch (type)
        {
            case BoolType: return value.Kind == CedarValueKind.Bool;
            case LongType: return value.Kind == CedarValueKind.Long;
            case StringType: return value.Kind == CedarValueKind.String;
            case ExtensionType extension: return value.Kind == extension.Kind;
            case EntityType entity:
                return value.Reference is EntityUid uid && entity.Names.Contains(uid.Type) && IsDeclared(uid);
            case SetType set:
                if (value.Reference is not CedarSet members) return false;
                foreach (var member in members.Values)
                    if (set.Element is not null && !Fits(member, set.Element)) return false;
                return true;
            case RecordType record: return value.Reference is CedarRecord found && Mismatch(found, record) is null;
            default: return false;
        }
    }

    /// <summary>
    /// The name of an attribute that is missing, unexpected or of the wrong type; null when there is none.
    /// </summary>
    public string? Mismatch(CedarRecord record, RecordType type)
    {
        foreach (var (name, attribute) in type.Attributes)
        {
            if (!record.TryGetValue(name, out var value))
            {
                if (attribute.IsRequired) return name;
            }
            else if (!Fits(value, attribute.Type))
            {
                return name;
            }
        }

        if (type.IsOpen) return null;
        foreach (var name in record.Keys)
            if (!type.Attributes.ContainsKey(name)) return name;
        return null;
    }

    /// <summary>False for an id outside an enumerated type and for an action that the schema does not have.</summary>
    public bool IsDeclared(EntityUid uid)
    {
        if (SchemaFacts.IsAction(uid.Type)) return schema.ActionInfos.ContainsKey(uid);
        return !schema.EntityTypeInfos.TryGetValue(uid.Type, out var info) || info.EnumIds is null
            || info.EnumIds.Contains(uid.Id);
    }
}
