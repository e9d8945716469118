using System.Globalization;
using System.Numerics;

namespace AgentRuntime.Conformance.Wasm.Text;

/// <summary>Numbers of the text format (WebAssembly 2.0 §6.3.1 and §6.3.2), as bits.</summary>
internal static class TextNumbers
{
    public static ulong Integer(TextNode node)
    {
        var text = Clean(node, out var negative);
        try
        {
            var value = text.StartsWith("0x", StringComparison.Ordinal)
                ? ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
                : ulong.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
            return negative ? 0 - value : value;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw node.Error("not an integer");
        }
    }

    public static uint Float32(TextNode node)
    {
        var text = Clean(node, out var negative);
        var sign = negative ? 0x8000_0000u : 0;
        if (text == "inf") return sign | 0x7F80_0000;
        if (text == "nan") return sign | 0x7FC0_0000;
        if (text.StartsWith("nan:0x", StringComparison.Ordinal))
            return sign | 0x7F80_0000 | uint.Parse(
                text.AsSpan(6), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var value = text.StartsWith("0x", StringComparison.Ordinal)
            ? Hexadecimal(text, 24, -149, 127) is var (bits, exponent) ? (float)Math.ScaleB((double)bits, exponent) : 0
            : float.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return sign | (uint)BitConverter.SingleToInt32Bits(value);
    }

    public static ulong Float64(TextNode node)
    {
        var text = Clean(node, out var negative);
        var sign = negative ? 0x8000_0000_0000_0000UL : 0;
        if (text == "inf") return sign | 0x7FF0_0000_0000_0000;
        if (text == "nan") return sign | 0x7FF8_0000_0000_0000;
        if (text.StartsWith("nan:0x", StringComparison.Ordinal))
            return sign | 0x7FF0_0000_0000_0000
                | ulong.Parse(text.AsSpan(6), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var value = text.StartsWith("0x", StringComparison.Ordinal)
            ? Hexadecimal(text, 53, -1074, 1023) is var (bits, exponent) ? Math.ScaleB((double)bits, exponent) : 0
            : double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return sign | (ulong)BitConverter.DoubleToInt64Bits(value);
    }

    private static string Clean(TextNode node, out bool negative)
    {
        var text = (node.Atom ?? throw node.Error("a number is missing")).Replace("_", "", StringComparison.Ordinal);
        negative = text[0] == '-';
        return text[0] is '-' or '+' ? text[1..] : text;
    }

    /// <summary>Significand and exponent, rounded to nearest even at the precision that the exponent leaves.</summary>
    private static (ulong Bits, int Exponent) Hexadecimal(string text, int precision, int lowest, int highest)
    {
        var exponentAt = text.IndexOfAny(['p', 'P']);
        var exponent = exponentAt < 0 ? 0
            : int.Parse(text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var digits = exponentAt < 0 ? text[2..] : text[2..exponentAt];
        var point = digits.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0)
        {
            exponent -= 4 * (digits.Length - point - 1);
            digits = digits.Remove(point, 1);
        }

        var value = BigInteger.Parse("0" + digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if (value.IsZero) return (0, 0);
        var excess = (int)Math.Max(value.GetBitLength() - precision, lowest - exponent);
        if (excess > 0)
        {
            var half = BigInteger.One << (excess - 1);
            var rest = value & ((BigInteger.One << excess) - 1);
            value >>= excess;
            exponent += excess;
            if (rest > half || (rest == half && !value.IsEven)) value += 1;
        }

        return exponent + value.GetBitLength() - 1 > highest ? (1, 5_000) : ((ulong)value, exponent);
    }
}
