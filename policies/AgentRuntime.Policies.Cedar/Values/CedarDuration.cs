using System.Globalization;
using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>The duration extension: <c>-?(nd)?(nh)?(nm)?(ns)?(nms)?</c>, at least one part (Cedar RFC 80).</summary>
internal static class CedarDuration
{
    public const long MillisecondsPerDay = 86_400_000;
    public const long MillisecondsPerHour = 3_600_000;
    public const long MillisecondsPerMinute = 60_000;
    public const long MillisecondsPerSecond = 1_000;

    private static readonly (string Unit, long Milliseconds)[] Units =
    [
        ("d", MillisecondsPerDay), ("h", MillisecondsPerHour), ("m", MillisecondsPerMinute),
        ("s", MillisecondsPerSecond), ("ms", 1),
    ];

    public static bool TryParse(ReadOnlySpan<char> text, out long milliseconds)
    {
        milliseconds = 0;
        var negative = !text.IsEmpty && text[0] == '-';
        if (negative) text = text[1..];
        if (text.IsEmpty) return false;
        Int128 total = 0;
        var nextUnit = 0;
        while (!text.IsEmpty)
        {
            var digits = 0;
            Int128 quantity = 0;
            while (digits < text.Length && char.IsAsciiDigit(text[digits]))
            {
                quantity = (quantity * 10) + (text[digits++] - '0');
                if (quantity > (Int128)long.MaxValue + 1) return false;
            }

            if (digits == 0) return false;
            text = text[digits..];
            var letters = text.StartsWith("ms") ? 2 : Math.Min(1, text.Length);
            var unit = UnitAt(text[..letters], nextUnit);
            if (unit < 0) return false;
            nextUnit = unit + 1;
            text = text[letters..];
            total += quantity * Units[unit].Milliseconds;
            if (total > (Int128)long.MaxValue + 1) return false;
        }

        if (negative) total = -total;
        if (total > long.MaxValue) return false;
        milliseconds = (long)total;
        return true;
    }

    public static string Format(long milliseconds)
    {
        if (milliseconds == 0) return "0ms";
        var text = new StringBuilder();
        var rest = (Int128)milliseconds;
        if (rest < 0)
        {
            text.Append('-');
            rest = -rest;
        }

        foreach (var (unit, length) in Units)
        {
            var count = rest / length;
            rest %= length;
            if (count > 0) text.Append(((long)count).ToString(CultureInfo.InvariantCulture)).Append(unit);
        }

        return text.ToString();
    }

    private static int UnitAt(ReadOnlySpan<char> unit, int from)
    {
        for (var i = from; i < Units.Length; i++)
            if (unit.SequenceEqual(Units[i].Unit)) return i;
        return -1;
    }
}
