namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A call of an extension constructor or method. Constructors over literals are folded when compiled.
/// </summary>
internal sealed class ExtensionNode(ExtensionFunction function, Node[] arguments) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation)
    {
        CedarValue first = default, second = default;
        for (var i = 0; i < arguments.Length; i++)
        {
            var value = arguments[i].Evaluate(ref evaluation);
            if (value.IsNone) return default;
            if (i == 0) first = value;
            else if (i == 1) second = value;
        }

        var kinds = function.ArgumentKinds;
        if (arguments.Length != kinds.Length)
        {
            var message = $"wrong number of arguments to `{function.Name}`: "
                + $"expected {kinds.Length}, got {arguments.Length}";
            return evaluation.Fail(CedarErrorKind.ArgumentCount, message);
        }

        if (first.Kind != kinds[0]) return evaluation.FailType(Name(kinds[0]), first);
        if (kinds.Length == 2 && second.Kind != kinds[1]) return evaluation.FailType(Name(kinds[1]), second);
        return function.IsConstructor
            ? Construct(ref evaluation, first.AsString()) : Call(ref evaluation, first, second);
    }

    private static string Name(CedarValueKind kind) => kind.ToString().ToLowerInvariant();

    private CedarValue Construct(ref Evaluation evaluation, string text)
    {
        if (ExtensionValues.TryConstruct(function.Code, text, out var value)) return value;
        return evaluation.Fail(
            CedarErrorKind.Extension, $"`{function.Name}({StringEscapes.Quote(text)})` is not a valid {function.Name}");
    }

    private CedarValue Call(ref Evaluation evaluation, CedarValue first, CedarValue second)
    {
        var (a, b) = (first.Bits, second.Bits);
        switch (function.Code)
        {
            case ExtensionCode.LessThan: return CedarValue.Bool(a < b);
            case ExtensionCode.LessThanOrEqual: return CedarValue.Bool(a <= b);
            case ExtensionCode.GreaterThan: return CedarValue.Bool(a > b);
            case ExtensionCode.GreaterThanOrEqual: return CedarValue.Bool(a >= b);
            case ExtensionCode.IsIpv4: return CedarValue.Bool(first.AsIpAddress().IsIPv4);
            case ExtensionCode.IsIpv6: return CedarValue.Bool(first.AsIpAddress().IsIPv6);
            case ExtensionCode.IsLoopback: return CedarValue.Bool(first.AsIpAddress().IsLoopback);
            case ExtensionCode.IsMulticast: return CedarValue.Bool(first.AsIpAddress().IsMulticast);
            case ExtensionCode.IsInRange:
                return CedarValue.Bool(first.AsIpAddress().IsInRange(second.AsIpAddress()));
            case ExtensionCode.Offset:
                var moved = (Int128)a + b;
                return moved < long.MinValue || moved > long.MaxValue
                    ? OutOfRange(ref evaluation)
                    : CedarValue.DatetimeFromMilliseconds((long)moved);
            case ExtensionCode.DurationSince:
                var since = (Int128)a - b;
                return since < long.MinValue || since > long.MaxValue
                    ? OutOfRange(ref evaluation)
                    : CedarValue.DurationFromMilliseconds((long)since);
            case ExtensionCode.ToDate:
                return CedarDatetime.TryToDate(a, out var date)
                    ? CedarValue.DatetimeFromMilliseconds(date)
                    : OutOfRange(ref evaluation);
            case ExtensionCode.ToTime: return CedarValue.DurationFromMilliseconds(CedarDatetime.ToTime(a));
            case ExtensionCode.ToMilliseconds: return CedarValue.Long(a);
            case ExtensionCode.ToSeconds: return CedarValue.Long(a / CedarDuration.MillisecondsPerSecond);
            case ExtensionCode.ToMinutes: return CedarValue.Long(a / CedarDuration.MillisecondsPerMinute);
            case ExtensionCode.ToHours: return CedarValue.Long(a / CedarDuration.MillisecondsPerHour);
            case ExtensionCode.ToDays: return CedarValue.Long(a / CedarDuration.MillisecondsPerDay);
            default: throw new InvalidOperationException($"{function.Name} is not a method.");
        }
    }

    private CedarValue OutOfRange(ref Evaluation evaluation) =>
        evaluation.Fail(CedarErrorKind.Extension, $"`{function.Name}` leaves the range of 64 bits");
}

/// <summary>Extension values from the text that their constructor takes.</summary>
internal static class ExtensionValues
{
    public static bool TryConstruct(ExtensionCode code, string text, out CedarValue value)
    {
        value = default;
        switch (code)
        {
            case ExtensionCode.Decimal when CedarDecimal.TryParse(text, out var number):
                value = CedarValue.DecimalFromTenThousandths(number);
                return true;
            case ExtensionCode.Ip when CedarIpAddress.TryParse(text, out var address):
                value = CedarValue.IpAddress(address);
                return true;
            case ExtensionCode.Datetime when CedarDatetime.TryParse(text, out var time):
                value = CedarValue.DatetimeFromMilliseconds(time);
                return true;
            case ExtensionCode.Duration when CedarDuration.TryParse(text, out var span):
                value = CedarValue.DurationFromMilliseconds(span);
                return true;
            default:
                return false;
        }
    }
}
