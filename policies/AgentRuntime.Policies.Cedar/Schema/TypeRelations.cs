namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// How types relate, as the reference validator has it (cedar-policy-core, validator/types.rs). Strict mode knows no
/// width subtyping of records and no joins of different entity types.
/// </summary>
internal static class TypeRelations
{
    public static bool AreEqual(CedarType one, CedarType two)
    {
        if (ReferenceEquals(one, two)) return true;
        switch (one, two)
        {
            case (ExtensionType a, ExtensionType b): return a.Kind == b.Kind;
            case (EntityType a, EntityType b): return a.Names.AsSpan().SequenceEqual(b.Names);
            case (SetType { Element: null }, SetType { Element: null }): return true;
            case (SetType { Element: { } a }, SetType { Element: { } b }): return AreEqual(a, b);
            case (RecordType a, RecordType b):
                if (a.IsOpen != b.IsOpen || a.Attributes.Count != b.Attributes.Count) return false;
                foreach (var (name, attribute) in a.Attributes)
                {
                    if (!b.Attributes.TryGetValue(name, out var other) || attribute.IsRequired != other.IsRequired
                        || !AreEqual(attribute.Type, other.Type)) return false;
                }

                return true;
            default: return false;
        }
    }

    public static bool IsSubtype(CedarType sub, CedarType super, bool strict)
    {
        if (ReferenceEquals(sub, super) || sub is NeverType) return true;
        switch (sub, super)
        {
            case (BoolType, BoolType): return ReferenceEquals(super, BoolType.Any);
            case (ExtensionType a, ExtensionType b): return a.Kind == b.Kind;
            case (SetType, SetType { Element: null }): return true;
            case (SetType { Element: { } a }, SetType { Element: { } b }): return IsSubtype(a, b, strict);
            case (EntityType a, EntityType b):
                return strict ? AreEqual(a, b) : a.Names.All(n => b.Names.Contains(n));
            case (EntityType, AnyEntityType): return !strict;
            case (RecordType a, RecordType b): return IsRecordSubtype(a, b, strict);
            default: return false;
        }
    }

    /// <summary>The least type above both, or null when they have none.</summary>
    public static CedarType? LeastUpperBound(CedarType one, CedarType two, bool strict)
    {
        if (IsSubtype(one, two, strict)) return two;
        if (IsSubtype(two, one, strict)) return one;
        switch (one, two)
        {
            case (BoolType, BoolType): return BoolType.Any;
            case (SetType { Element: null }, SetType) or (SetType, SetType { Element: null }): return SetType.Any;
            case (SetType { Element: { } a }, SetType { Element: { } b }):
                return LeastUpperBound(a, b, strict) is { } element ? new SetType(element) : null;
            case (EntityType a, EntityType b):
                return strict ? null : new EntityType([.. a.Names.Union(b.Names).Order(StringComparer.Ordinal)]);
            case (EntityType, AnyEntityType) or (AnyEntityType, EntityType):
                return strict ? null : AnyEntityType.Instance;
            case (RecordType a, RecordType b): return RecordBound(a, b, strict);
            default: return null;
        }
    }

    public static CedarType? LeastUpperBound(IEnumerable<CedarType> types, bool strict)
    {
        CedarType? bound = NeverType.Instance;
        foreach (var type in types)
        {
            if (bound is null) return null;
            bound = LeastUpperBound(bound, type, strict);
        }

        return bound;
    }

    /// <summary>True when no value is of both types; only promised for entities.</summary>
    public static bool AreDisjoint(CedarType one, CedarType two) =>
        one is EntityType a && two is EntityType b && !a.Names.Any(n => b.Names.Contains(n));

    private static bool IsRecordSubtype(RecordType sub, RecordType super, bool strict)
    {
        if (sub.IsOpen && !super.IsOpen) return false;
        if (!(super.IsOpen && !strict) && sub.Attributes.Count != super.Attributes.Count) return false;
        foreach (var (name, wanted) in super.Attributes)
        {
            if (!sub.Attributes.TryGetValue(name, out var found)) return false;
            if (strict ? found.IsRequired != wanted.IsRequired : wanted.IsRequired && !found.IsRequired) return false;
            if (!IsSubtype(found.Type, wanted.Type, strict)) return false;
        }

        return true;
    }

    private static RecordType? RecordBound(RecordType one, RecordType two, bool strict)
    {
        if (strict && !one.Attributes.Keys.SequenceEqual(two.Attributes.Keys)) return null;
        var attributes = new SortedDictionary<string, AttributeType>(StringComparer.Ordinal);
        foreach (var (name, first) in one.Attributes)
        {
            if (!two.Attributes.TryGetValue(name, out var second)) continue;
            var bound = LeastUpperBound(first.Type, second.Type, strict);
            if (bound is not null && (!strict || first.IsRequired == second.IsRequired))
                attributes[name] = new(bound, first.IsRequired && second.IsRequired);
            else if (strict) return null;
        }

        var isWhole = attributes.Count == one.Attributes.Count && attributes.Count == two.Attributes.Count;
        return new(attributes, one.IsOpen || two.IsOpen || !isWhole);
    }
}
