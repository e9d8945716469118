namespace AgentRuntime.Abstractions;

/// <summary>
/// An API key; the id is public, the secret is not. <c>default</c> is invalid and throws when formatted.
/// </summary>
public readonly record struct ApiKeyId
{
    private const string Prefix = "key_";

    /// <summary>Wraps an existing value.</summary>
    /// <param name="value">A UUIDv7; not empty.</param>
    /// <exception cref="ArgumentException">The value is empty.</exception>
    public ApiKeyId(Guid value) => Value = PrefixedId.Valid(value, Prefix);

    /// <summary>The UUIDv7 behind the prefix.</summary>
    public Guid Value { get; }

    /// <summary>A new id, ordered by the time that <paramref name="time"/> tells.</summary>
    public static ApiKeyId New(TimeProvider time) => new(PrefixedId.New(time));

    /// <summary>Reads <c>key_</c> and 32 hex digits.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static ApiKeyId Parse(string text) => new(PrefixedId.Parse(Prefix, text));

    /// <summary>Reads <c>key_</c> and 32 hex digits; false when the text has another form.</summary>
    public static bool TryParse(string? text, out ApiKeyId id)
    {
        var ok = PrefixedId.TryParse(Prefix, text, out var value);
        id = ok ? new(value) : default;
        return ok;
    }

    /// <inheritdoc/>
    public override string ToString() => PrefixedId.Format(Prefix, Value);
}
