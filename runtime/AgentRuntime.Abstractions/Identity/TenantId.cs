namespace AgentRuntime.Abstractions;

/// <summary>
/// A tenant: the unit of isolation, quota and billing. <c>default</c> is invalid and throws when formatted.
/// </summary>
public readonly record struct TenantId
{
    private const string Prefix = "ten_";

    /// <summary>Wraps an existing value.</summary>
    /// <param name="value">A UUIDv7; not empty.</param>
    /// <exception cref="ArgumentException">The value is empty.</exception>
    public TenantId(Guid value) => Value = PrefixedId.Valid(value, Prefix);

    /// <summary>The UUIDv7 behind the prefix.</summary>
    public Guid Value { get; }

    /// <summary>A new id, ordered by the time that <paramref name="time"/> tells.</summary>
    public static TenantId New(TimeProvider time) => new(PrefixedId.New(time));

    /// <summary>Reads <c>ten_</c> and 32 hex digits.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static TenantId Parse(string text) => new(PrefixedId.Parse(Prefix, text));

    /// <summary>Reads <c>ten_</c> and 32 hex digits; false when the text has another form.</summary>
    public static bool TryParse(string? text, out TenantId id)
    {
        var ok = PrefixedId.TryParse(Prefix, text, out var value);
        id = ok ? new(value) : default;
        return ok;
    }

    /// <inheritdoc/>
    public override string ToString() => PrefixedId.Format(Prefix, Value);
}
