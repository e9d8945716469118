namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A number of JSON (RFC 8259, section 6) that is being written, by its value: 1, 1.0 and 10e-1 are one. Immutable.
/// </summary>
internal readonly record struct JsonNumber
{
    /// <summary>An exponent beyond which a number is not told from others that are as great or as small.</summary>
    private const int MostExponent = 1_000_000;

    private enum Part { Whole, Fraction, Exponent }

    private Part At { get; init; }

    private bool IsNegative { get; init; }

    private bool IsSmall { get; init; }

    /// <summary>Digits from the first one on that is not 0 to the last one of which that is known.</summary>
    private JsonDigest Digits { get; init; }

    private bool HasDigits { get; init; }

    /// <summary>Zeros behind them.</summary>
    private int Zeros { get; init; }

    /// <summary>The places of the first digit that is not 0, before the point.</summary>
    private int Places { get; init; }

    private int Exponent { get; init; }

    /// <summary>Whether a byte may be of a number.</summary>
    public static bool Has(byte part) => part is (>= (byte)'0' and <= (byte)'9') or (byte)'-' or (byte)'+' or (byte)'.'
        or (byte)'e' or (byte)'E';

    /// <summary>Goes on with a byte of it.</summary>
    public JsonNumber Step(byte part) => part switch
    {
        (byte)'-' when At == Part.Exponent => this with { IsSmall = true },
        (byte)'-' => this with { IsNegative = true },
        (byte)'+' => this,
        (byte)'.' => this with { At = Part.Fraction },
        (byte)'e' or (byte)'E' => this with { At = Part.Exponent },
        _ when At == Part.Exponent => this with { Exponent = Math.Min(MostExponent, (Exponent * 10) + part - '0') },
        (byte)'0' when !HasDigits => At == Part.Fraction ? this with { Places = Places - 1 } : this,
        (byte)'0' => this with { Zeros = Zeros + 1, Places = Places + (At == Part.Whole ? 1 : 0) },
        _ => Digit(part),
    };

    /// <summary>What tells it from numbers of other values.</summary>
    public JsonDigest Value => !HasDigits ? JsonDigest.Of('0') : Digits.With(IsNegative ? 1UL : 0)
        .With(unchecked((ulong)(Places + (IsSmall ? -Exponent : Exponent))));

    private JsonNumber Digit(byte digit)
    {
        var digits = HasDigits ? Digits : JsonDigest.Of('1');
        for (var i = 0; i < Zeros; i++) digits = digits.With('0');
        return this with
        {
            Digits = digits.With(digit), HasDigits = true, Zeros = 0, Places = Places + (At == Part.Whole ? 1 : 0),
        };
    }
}
