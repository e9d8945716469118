namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A type of the schema or of the validator. Resolved: names are qualified and common types are in place, shared where
/// they repeat. Immutable; <see cref="Depth"/> bounds every recursion.
/// </summary>
internal abstract class CedarType
{
    public int Depth { get; protected init; } = 1;
}

/// <summary>A bool, which the validator may know to be always true or always false.</summary>
internal sealed class BoolType : CedarType
{
    public static readonly BoolType Any = new();
    public static readonly BoolType True = new();
    public static readonly BoolType False = new();

    private BoolType()
    {
    }
}

internal sealed class LongType : CedarType
{
    public static readonly LongType Instance = new();

    private LongType()
    {
    }
}

internal sealed class StringType : CedarType
{
    public static readonly StringType Instance = new();

    private StringType()
    {
    }
}

/// <summary>The type of no value: below every other type.</summary>
internal sealed class NeverType : CedarType
{
    public static readonly NeverType Instance = new();

    private NeverType()
    {
    }
}

internal sealed class ExtensionType : CedarType
{
    private static readonly ExtensionType Decimal = new("decimal", CedarValueKind.Decimal);
    private static readonly ExtensionType IpAddress = new("ipaddr", CedarValueKind.IpAddress);
    private static readonly ExtensionType Datetime = new("datetime", CedarValueKind.Datetime);
    private static readonly ExtensionType Duration = new("duration", CedarValueKind.Duration);

    private ExtensionType(string name, CedarValueKind kind) => (Name, Kind) = (name, kind);

    public string Name { get; }

    public CedarValueKind Kind { get; }

    public static ExtensionType? Find(string name) => name switch
    {
        "decimal" => Decimal,
        "ipaddr" => IpAddress,
        "datetime" => Datetime,
        "duration" => Duration,
        _ => null,
    };

    public static ExtensionType Of(CedarValueKind kind) => kind switch
    {
        CedarValueKind.Decimal => Decimal,
        CedarValueKind.IpAddress => IpAddress,
        CedarValueKind.Datetime => Datetime,
        _ => Duration,
    };
}

/// <summary>An entity of one of some types; a schema names one, the validator may join several.</summary>
internal sealed class EntityType : CedarType
{
    public EntityType(params string[] names) => Names = names;

    /// <summary>Sorted, at least one.</summary>
    public string[] Names { get; }

    public bool IsSingle => Names.Length == 1;
}

/// <summary>An entity of any type.</summary>
internal sealed class AnyEntityType : CedarType
{
    public static readonly AnyEntityType Instance = new();

    private AnyEntityType()
    {
    }
}

internal sealed class SetType : CedarType
{
    public static readonly SetType Any = new(null);

    public SetType(CedarType? element)
    {
        Element = element;
        Depth = (element?.Depth ?? 0) + 1;
    }

    /// <summary><see cref="NeverType"/> for the empty set; null when the set may hold anything.</summary>
    public CedarType? Element { get; }
}

internal readonly record struct AttributeType(CedarType Type, bool IsRequired);

internal sealed class RecordType : CedarType
{
    public static readonly RecordType Empty = new(new(StringComparer.Ordinal));
    public static readonly RecordType Any = new(new(StringComparer.Ordinal), isOpen: true);

    public RecordType(SortedDictionary<string, AttributeType> attributes, bool isOpen = false)
    {
        Attributes = attributes;
        IsOpen = isOpen;
        foreach (var attribute in attributes.Values) Depth = Math.Max(Depth, attribute.Type.Depth + 1);
    }

    public SortedDictionary<string, AttributeType> Attributes { get; }

    /// <summary>True when there may be attributes that are not listed.</summary>
    public bool IsOpen { get; }
}
