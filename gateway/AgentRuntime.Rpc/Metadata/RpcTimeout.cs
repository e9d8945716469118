using System.Globalization;

namespace AgentRuntime.Rpc.Metadata;

/// <summary>
/// The value of <c>grpc-timeout</c>: at most 8 digits and a unit (PROTOCOL-HTTP2, Requests: Timeout). Stateless.
/// </summary>
internal static class RpcTimeout
{
    private const int MostDigits = 8;
    private const long MostValue = 99_999_999;

    /// <summary>The longest that a timer of the runtime waits; later deadlines are no deadlines.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    private static readonly (char Unit, long Ticks)[] Units =
    [
        ('u', TimeSpan.TicksPerMicrosecond), ('m', TimeSpan.TicksPerMillisecond), ('S', TimeSpan.TicksPerSecond),
        ('M', TimeSpan.TicksPerMinute), ('H', TimeSpan.TicksPerHour),
    ];

    /// <summary>The finest unit in which the time has 8 digits, rounded up.</summary>
    public static string Format(TimeSpan timeout)
    {
        var ticks = Math.Max(1, timeout.Ticks);
        foreach (var (unit, size) in Units)
        {
            var value = ((ticks - 1) / size) + 1;
            if (value <= MostValue) return string.Create(CultureInfo.InvariantCulture, $"{value}{unit}");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{MostValue}H");
    }

    /// <summary>Reads a value; a time longer than a timer can wait is cut to that.</summary>
    public static bool TryParse(string text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > MostDigits + 1) return false;
        if (!long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture,
            out var value))
            return false;
        var unit = text[^1];
        if (unit == 'n')
        {
            timeout = TimeSpan.FromTicks((value + 99) / 100);
            return true;
        }

        foreach (var (name, size) in Units)
        {
            if (name != unit) continue;
            timeout = value > Longest.Ticks / size ? Longest : TimeSpan.FromTicks(value * size);
            return true;
        }

        return false;
    }
}
