using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A string of JSON (RFC 8259, section 7) that is being written, by what it stands for: an escape is the character.
/// Immutable.
/// </summary>
internal readonly record struct JsonText
{
    private int Escaped { get; init; }

    private int Digits { get; init; }

    /// <summary>The first half of a character beyond U+FFFF.</summary>
    private int Half { get; init; }

    public JsonDigest Value { get; private init; }

    /// <summary>An empty one.</summary>
    public static JsonText Empty { get; } = new() { Value = JsonDigest.Of('"') };

    /// <summary>Whether the next byte is of an escape.</summary>
    public bool IsEscaped => Escaped != 0;

    /// <summary>Goes on with a byte that does not end it.</summary>
    public JsonText Step(byte part)
    {
        if (Escaped == 'u') return Digit(part);
        if (Escaped != 0)
        {
            return part == (byte)'u' ? this with { Escaped = 'u', Digits = 1 } : this with
            {
                Escaped = 0,
                Value = Value.With(part switch
                {
                    (byte)'b' => '\b', (byte)'f' => '\f', (byte)'n' => '\n', (byte)'r' => '\r', (byte)'t' => '\t',
                    _ => part,
                }),
            };
        }

        return part == (byte)'\\' ? this with { Escaped = part } : this with { Value = Value.With(part) };
    }

    private JsonText Digit(byte digit)
    {
        // A one before the digits tells how many have come.
        var digits = (Digits << 4) | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        if (digits < 1 << 16) return this with { Digits = digits };
        var unit = digits & 0xFFFF;
        if (char.IsHighSurrogate((char)unit)) return this with { Escaped = 0, Digits = 0, Half = unit };
        var rune = char.IsLowSurrogate((char)unit) && Half != 0 ? new Rune((char)Half, (char)unit)
            : Rune.TryCreate((char)unit, out var one) ? one : Rune.ReplacementChar;
        Span<byte> bytes = stackalloc byte[4];
        var value = Value;
        foreach (var part in bytes[..rune.EncodeToUtf8(bytes)]) value = value.With(part);
        return new() { Value = value };
    }
}
