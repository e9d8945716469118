using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Types as the reference validator writes them in messages, and the order in which it lists several.
/// </summary>
internal static class TypeText
{
    public static string Write(CedarType type)
    {
        var text = new StringBuilder();
        Append(text, type);
        return text.ToString();
    }

    /// <summary><c>A and B</c>, <c>A, B, and C</c>: sorted, each once.</summary>
    public static string Join(IEnumerable<CedarType> types)
    {
        var distinct = new List<CedarType>();
        foreach (var type in types.Order(Comparer<CedarType>.Create(Compare)))
            if (distinct.Count == 0 || !TypeRelations.AreEqual(distinct[^1], type)) distinct.Add(type);
        var names = distinct.ConvertAll(Write);
        return names.Count switch
        {
            0 => "",
            1 => names[0],
            2 => $"{names[0]} and {names[1]}",
            _ => $"{string.Join(", ", names[..^1])}, and {names[^1]}",
        };
    }

    private static void Append(StringBuilder text, CedarType type)
    {
        switch (type)
        {
            case NeverType: text.Append("__cedar::internal::Never"); break;
            case BoolType when ReferenceEquals(type, BoolType.Any): text.Append("Bool"); break;
            case BoolType when ReferenceEquals(type, BoolType.True): text.Append("__cedar::internal::True"); break;
            case BoolType: text.Append("__cedar::internal::False"); break;
            case LongType: text.Append("Long"); break;
            case StringType: text.Append("String"); break;
            case ExtensionType extension: text.Append(extension.Name); break;
            case AnyEntityType: text.Append("__cedar::internal::AnyEntity"); break;
            case EntityType { IsSingle: true } entity: text.Append(entity.Names[0]); break;
            case EntityType entity:
                text.Append("__cedar::internal::Union<").AppendJoin(", ", entity.Names).Append('>');
                break;
            case SetType { Element: null }: text.Append("Set<__cedar::internal::Any>"); break;
            case SetType { Element: { } element }:
                text.Append("Set<");
                Append(text, element);
                text.Append('>');
                break;
            case RecordType record:
                if (record.IsOpen) text.Append("__cedar::internal::OpenRecord");
                text.Append('{');
                foreach (var (name, attribute) in record.Attributes)
                {
                    text.Append(name).Append(attribute.IsRequired ? ": " : "?: ");
                    Append(text, attribute.Type);
                    text.Append(',');
                }

                text.Append('}');
                break;
            default: throw new InvalidOperationException($"No text for {type.GetType().Name}.");
        }
    }

    private static int Rank(CedarType type) => type switch
    {
        NeverType => 0,
        BoolType => 1,
        LongType => 2,
        StringType => 3,
        EntityType or AnyEntityType => 4,
        SetType => 5,
        RecordType => 6,
        _ => 7,
    };

    private static int Compare(CedarType one, CedarType two)
    {
        if (Rank(one) != Rank(two)) return Rank(one).CompareTo(Rank(two));
        switch (one, two)
        {
            case (BoolType a, BoolType b): return BoolRank(a).CompareTo(BoolRank(b));
            case (SetType a, SetType b):
                if (a.Element is null || b.Element is null)
                    return (a.Element is null ? 0 : 1) - (b.Element is null ? 0 : 1);
                return Compare(a.Element, b.Element);
            case (RecordType a, RecordType b): return CompareRecords(a, b);
            case (EntityType a, EntityType b): return CompareNames(a.Names, b.Names);
            default: return string.CompareOrdinal(Write(one), Write(two));
        }
    }

    private static int BoolRank(BoolType type) =>
        ReferenceEquals(type, BoolType.Any) ? 0 : ReferenceEquals(type, BoolType.True) ? 1 : 2;

    private static int CompareRecords(RecordType one, RecordType two)
    {
        foreach (var (a, b) in one.Attributes.Zip(two.Attributes))
        {
            var order = string.CompareOrdinal(a.Key, b.Key);
            if (order == 0) order = Compare(a.Value.Type, b.Value.Type);
            if (order == 0) order = a.Value.IsRequired.CompareTo(b.Value.IsRequired);
            if (order != 0) return order;
        }

        return one.Attributes.Count.CompareTo(two.Attributes.Count);
    }

    private static int CompareNames(string[] one, string[] two)
    {
        foreach (var (a, b) in one.Zip(two))
        {
            // By the last part first, then by the namespace.
            var order = string.CompareOrdinal(CedarNames.Basename(a), CedarNames.Basename(b));
            if (order == 0) order = string.CompareOrdinal(CedarNames.Namespace(a), CedarNames.Namespace(b));
            if (order != 0) return order;
        }

        return one.Length.CompareTo(two.Length);
    }
}
