using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Yaml;

/// <summary>
/// Numbers with units as people write them in a bundle. Whole numbers may have underscores. Stateless.
/// </summary>
internal static class Quantities
{
    private static readonly (string Unit, long Bytes)[] Sizes =
    [
        ("B", 1), ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ];

    private static readonly (string Unit, long Ticks)[] Durations =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour), ("d", TimeSpan.TicksPerDay),
    ];

    /// <summary>A whole number: <c>5000</c>, <c>5_000</c>, <c>-3</c>.</summary>
    public static bool TryInteger(string text, out long value)
    {
        value = 0;
        return text.Length is > 0 and <= 32
            && text[0] != '_' && text[^1] != '_' && !text.Contains("__", StringComparison.Ordinal)
            && long.TryParse(
                text.Replace("_", "", StringComparison.Ordinal),
                NumberStyles.AllowLeadingSign,
                CultureInfo.InvariantCulture,
                out value);
    }

    /// <summary>A size: a whole number and a unit, such as <c>64MiB</c>.</summary>
    public static bool TrySize(string text, out ByteCount value)
    {
        value = default;
        if (!TryScaled(text, Sizes, out var bytes))
            return false;
        value = new(bytes);
        return true;
    }

    /// <summary>A duration: a whole number and a unit, such as <c>5s</c>, <c>250ms</c>, <c>2m</c>.</summary>
    public static bool TryDuration(string text, out TimeSpan value)
    {
        var ok = TryScaled(text, Durations, out var ticks);
        value = TimeSpan.FromTicks(ticks);
        return ok;
    }

    /// <summary>An amount of dollars with up to six decimals, such as <c>0.5</c>.</summary>
    public static bool TryUsd(string text, out MicroUsd value)
    {
        value = default;
        if (!decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var dollars)
            || dollars > 1_000_000_000)
            return false;
        var micro = dollars * 1_000_000;
        if (micro != decimal.Truncate(micro))
            return false;
        value = new((long)micro);
        return true;
    }

    /// <summary>A percentage as a share, such as <c>99.5%</c> for 0.995.</summary>
    public static bool TryPercent(string text, out double value)
    {
        value = 0;
        if (!text.EndsWith('%') || !decimal.TryParse(
            text.AsSpan(..^1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent))
            return false;
        value = (double)(percent / 100);
        return true;
    }

    private static bool TryScaled(string text, (string Unit, long Factor)[] units, out long value)
    {
        value = 0;
        var digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '_'))
            digits++;
        if (!TryInteger(text[..digits], out var number) || number < 0)
            return false;
        var unit = text[digits..].Trim();
        foreach (var (name, factor) in units)
        {
            if (name != unit)
                continue;
            if (number > long.MaxValue / factor)
                return false;
            value = number * factor;
            return true;
        }

        return false;
    }
}
