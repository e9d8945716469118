using System.Globalization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// The text form shared by all typed ids: a prefix, then the 32 lower-case hex digits of a UUIDv7 (RFC 9562 §5.7).
/// The prefix makes an id of the wrong kind a parse error instead of a silent miss. Stateless.
/// </summary>
internal static class PrefixedId
{
    private const int DigitCount = 32;

    public static Guid New(TimeProvider time) => Guid.CreateVersion7(time.GetUtcNow());

    public static string Format(string prefix, Guid value) =>
        value == Guid.Empty
            ? throw new InvalidOperationException($"a default '{prefix}' id names nothing")
            : string.Create(CultureInfo.InvariantCulture, $"{prefix}{value:N}");

    public static Guid Parse(string prefix, string text) =>
        TryParse(prefix, text, out var value)
            ? value
            : throw new FormatException($"expected '{prefix}' and 32 hex digits");

    public static bool TryParse(string prefix, string? text, out Guid value)
    {
        value = Guid.Empty;
        return text is not null
            && text.Length == prefix.Length + DigitCount // Guid's own parser lets white space pass
            && text.StartsWith(prefix, StringComparison.Ordinal)
            && Guid.TryParseExact(text.AsSpan(prefix.Length), "N", out value)
            && value != Guid.Empty;
    }

    public static Guid Valid(Guid value, string prefix) =>
        value == Guid.Empty ? throw new ArgumentException($"a '{prefix}' id cannot be empty", nameof(value)) : value;
}
