using System.Globalization;

namespace AgentRuntime.Policies.Cedar;

/// <summary>The decimal extension: an i64 of ten-thousandths, written <c>-?digits.digits{1,4}</c>.</summary>
internal static class CedarDecimal
{
    private const int FractionDigits = 4;
    private const long One = 10000;

    public static bool TryParse(ReadOnlySpan<char> text, out long tenThousandths)
    {
        tenThousandths = 0;
        var negative = !text.IsEmpty && text[0] == '-';
        if (negative) text = text[1..];
        var point = text.IndexOf('.');
        if (point < 1) return false;
        var fraction = text[(point + 1)..];
        if (fraction.Length is < 1 or > FractionDigits) return false;
        // Summed as a negative number, which reaches one further than a positive one.
        long sum = 0;
        foreach (var c in text[..point])
        {
            if (!char.IsAsciiDigit(c)) return false;
            if (!TryAppendDigit(ref sum, c)) return false;
        }

        for (var i = 0; i < FractionDigits; i++)
        {
            var c = i < fraction.Length ? fraction[i] : '0';
            if (!char.IsAsciiDigit(c) || !TryAppendDigit(ref sum, c)) return false;
        }

        if (!negative && sum == long.MinValue) return false;
        tenThousandths = negative ? sum : -sum;
        return true;
    }

    public static string Format(long tenThousandths)
    {
        var magnitude = tenThousandths < 0 ? (UInt128)(-(Int128)tenThousandths) : (UInt128)tenThousandths;
        var fraction = ((int)(magnitude % (ulong)One)).ToString("D4", CultureInfo.InvariantCulture).TrimEnd('0');
        if (fraction.Length == 0) fraction = "0";
        var sign = tenThousandths < 0 ? "-" : "";
        return $"{sign}{((ulong)(magnitude / (ulong)One)).ToString(CultureInfo.InvariantCulture)}.{fraction}";
    }

    private static bool TryAppendDigit(ref long negativeSum, char digit)
    {
        var value = digit - '0';
        if (negativeSum < (long.MinValue + value) / 10) return false;
        negativeSum = (negativeSum * 10) - value;
        return true;
    }
}
