using System.Collections.Frozen;

namespace AgentRuntime.Policies.Cedar;

internal enum ExtensionCode : byte
{
    None = 0,
    Decimal, Ip, Datetime, Duration,
    LessThan, LessThanOrEqual, GreaterThan, GreaterThanOrEqual,
    IsIpv4, IsIpv6, IsLoopback, IsMulticast, IsInRange,
    Offset, DurationSince, ToDate, ToTime,
    ToMilliseconds, ToSeconds, ToMinutes, ToHours, ToDays,
}

/// <summary>A function or method of an extension type (Cedar reference, "Operators and functions").</summary>
internal sealed class ExtensionFunction
{
    private ExtensionFunction(
        string name, ExtensionCode code, bool isMethod, CedarValueKind[] arguments, CedarValueKind result)
    {
        (Name, Code, IsMethod, ArgumentKinds, ResultKind) = (name, code, isMethod, arguments, result);
    }

    public static FrozenDictionary<string, ExtensionFunction> ByName { get; } =
        All().ToFrozenDictionary(f => f.Name, StringComparer.Ordinal);

    public string Name { get; }

    public ExtensionCode Code { get; }

    public bool IsMethod { get; }

    public bool IsConstructor => !IsMethod;

    public CedarValueKind[] ArgumentKinds { get; }

    public CedarValueKind ResultKind { get; }

    private static IEnumerable<ExtensionFunction> All()
    {
        const CedarValueKind text = CedarValueKind.String;
        const CedarValueKind dec = CedarValueKind.Decimal;
        const CedarValueKind ip = CedarValueKind.IpAddress;
        const CedarValueKind time = CedarValueKind.Datetime;
        const CedarValueKind span = CedarValueKind.Duration;
        const CedarValueKind truth = CedarValueKind.Bool;
        const CedarValueKind number = CedarValueKind.Long;
        yield return new("decimal", ExtensionCode.Decimal, false, [text], dec);
        yield return new("ip", ExtensionCode.Ip, false, [text], ip);
        yield return new("datetime", ExtensionCode.Datetime, false, [text], time);
        yield return new("duration", ExtensionCode.Duration, false, [text], span);
        yield return new("lessThan", ExtensionCode.LessThan, true, [dec, dec], truth);
        yield return new("lessThanOrEqual", ExtensionCode.LessThanOrEqual, true, [dec, dec], truth);
        yield return new("greaterThan", ExtensionCode.GreaterThan, true, [dec, dec], truth);
        yield return new("greaterThanOrEqual", ExtensionCode.GreaterThanOrEqual, true, [dec, dec], truth);
        yield return new("isIpv4", ExtensionCode.IsIpv4, true, [ip], truth);
        yield return new("isIpv6", ExtensionCode.IsIpv6, true, [ip], truth);
        yield return new("isLoopback", ExtensionCode.IsLoopback, true, [ip], truth);
        yield return new("isMulticast", ExtensionCode.IsMulticast, true, [ip], truth);
        yield return new("isInRange", ExtensionCode.IsInRange, true, [ip, ip], truth);
        yield return new("offset", ExtensionCode.Offset, true, [time, span], time);
        yield return new("durationSince", ExtensionCode.DurationSince, true, [time, time], span);
        yield return new("toDate", ExtensionCode.ToDate, true, [time], time);
        yield return new("toTime", ExtensionCode.ToTime, true, [time], span);
        yield return new("toMilliseconds", ExtensionCode.ToMilliseconds, true, [span], number);
        yield return new("toSeconds", ExtensionCode.ToSeconds, true, [span], number);
        yield return new("toMinutes", ExtensionCode.ToMinutes, true, [span], number);
        yield return new("toHours", ExtensionCode.ToHours, true, [span], number);
        yield return new("toDays", ExtensionCode.ToDays, true, [span], number);
    }
}
