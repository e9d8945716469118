namespace AgentRuntime.Policies.Cedar;

/// <summary>The type of a <see cref="CedarValue"/>; <see cref="None"/> is not a value.</summary>
public enum CedarValueKind
{
    /// <summary>No value: the default of the struct, invalid everywhere.</summary>
    None = 0,
    /// <summary><c>true</c> or <c>false</c>.</summary>
    Bool = 1,
    /// <summary>A signed 64-bit integer; arithmetic that leaves the range is an error.</summary>
    Long = 2,
    /// <summary>A string of Unicode scalar values.</summary>
    String = 3,
    /// <summary>A reference to an entity.</summary>
    Entity = 4,
    /// <summary>An unordered set without duplicates, of mixed types if need be.</summary>
    Set = 5,
    /// <summary>Named attributes.</summary>
    Record = 6,
    /// <summary>A decimal with four fractional digits.</summary>
    Decimal = 7,
    /// <summary>An IPv4 or IPv6 address or range.</summary>
    IpAddress = 8,
    /// <summary>Milliseconds since 1970-01-01T00:00:00Z.</summary>
    Datetime = 9,
    /// <summary>A signed length of time in milliseconds.</summary>
    Duration = 10,
}
