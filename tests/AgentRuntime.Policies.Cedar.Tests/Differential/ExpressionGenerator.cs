namespace AgentRuntime.Policies.Cedar.Tests.Differential;

/// <summary>
/// Cedar text of wanted types, mostly right and now and then wrong, so that decisions, errors and verdicts all come
/// up. It knows nothing of the code under test.
/// </summary>
internal sealed class ExpressionGenerator(Random random)
{
    private static readonly string[] Longs =
        ["0", "1", "-1", "2", "7", "100", "9223372036854775807", "-9223372036854775808", "4611686018427387904",
            "3037000500"];

    private static readonly string[] Strings =
        ["\"\"", "\"a\"", "\"red\"", "\"alice\"", "\"a*b\"", "\"x\\n\"", "\"\\u{1F600}é\"", "\"10.0.0.1\"",
            "\"odd key\""];

    private static readonly string[] Users = ["User::\"u0\"", "User::\"u1\"", "User::\"u2\"", "User::\"nobody\""];
    private static readonly string[] Groups = ["Group::\"g0\"", "Group::\"g1\"", "Group::\"g2\""];
    private static readonly string[] Docs =
        ["Shop::Doc::\"d0\"", "Shop::Doc::\"d1\"", "Shop::Folder::\"f0\"", "Shop::Folder::\"f1\""];
    private static readonly string[] Colors = ["Color::\"red\"", "Color::\"green\"", "Color::\"mauve\""];
    private static readonly string[] Types = ["User", "Group", "Shop::Doc", "Shop::Folder", "Color", "Nothing"];

    private static readonly string[] Ips =
        ["ip(\"10.0.0.1\")", "ip(\"10.0.0.0/8\")", "ip(\"::1\")", "ip(\"ff00::2/8\")", "ip(\"127.0.0.1\")",
            "ip(\"300.1.1.1\")"];

    private static readonly string[] Decimals =
        ["decimal(\"0.0\")", "decimal(\"-1.25\")", "decimal(\"3.1416\")", "decimal(\"922337203685477.5807\")",
            "decimal(\"1.23456\")"];

    private static readonly string[] Times =
        ["datetime(\"2024-10-15\")", "datetime(\"1969-12-31T23:59:59.999Z\")",
            "datetime(\"2024-02-29T12:00:00+0530\")", "datetime(\"2023-02-29\")"];

    private static readonly string[] Spans =
        ["duration(\"1h\")", "duration(\"-1d2h3m4s5ms\")", "duration(\"0ms\")", "duration(\"106751991167d\")",
            "duration(\"1h1d\")"];

    private static readonly string[] Patterns =
        ["\"*\"", "\"a*\"", "\"*\\\\**\"", "\"*l*c*\"", "\"\"", "\"a\\*b\""];

    private static readonly string[] Attributes =
        ["name", "email", "manager", "home.at.lat", "\"odd key\"", "nothing", "meta.a.b"];

    private static readonly string[] IpTests = ["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()"];
    private static readonly string[] DecimalTests =
        ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];

    public string Bool(int depth)
    {
        if (Wrong()) return Any(depth);
        if (depth <= 0) return Pick("true", "false", "principal.flag", "context.mfa", "resource.public");
        return random.Next(26) switch
        {
            0 => $"({Bool(depth - 1)} && {Bool(depth - 1)})",
            1 => $"{Bool(depth - 1)} || {Bool(depth - 1)}".Wrapped(),
            2 => $"!{Bool(depth - 1).Wrapped()}",
            3 => $"(if {Bool(depth - 1)} then {Bool(depth - 1)} else {Bool(depth - 1)})",
            4 => $"({Long(depth - 1)} {Pick("<", "<=", ">", ">=")} {Long(depth - 1)})",
            5 => $"({Time(depth - 1)} {Pick("<", "<=", ">", ">=")} {Time(depth - 1)})",
            6 => $"({Span(depth - 1)} {Pick("<", ">=")} {Span(depth - 1)})",
            7 => $"({Long(depth - 1)} {Equality()} {Long(depth - 1)})",
            8 => $"({Text(depth - 1)} {Equality()} {Text(depth - 1)})",
            9 => $"({Entity(depth - 1)} {Equality()} {Entity(depth - 1)})",
            10 => $"({Any(depth - 1)} {Equality()} {Any(depth - 1)})",
            11 => $"({Entity(depth - 1)} in {Entity(depth - 1)})",
            12 => $"({Entity(depth - 1)} in [{Entity(depth - 1)}, {Entity(depth - 1)}])",
            13 => $"({Entity(depth - 1)} is {Pick(Types)})",
            14 => $"({Entity(depth - 1)} is {Pick(Types)} in {Entity(depth - 1)})",
            15 => $"({Text(depth - 1)} like {Pick(Patterns)})",
            16 => Guarded(depth),
            17 => $"({Entity(depth - 1)} has {Pick(Attributes)})",
            18 => $"{Longs_(depth - 1)}.contains({Long(depth - 1)})",
            19 => $"{Longs_(depth - 1)}.{Pick("containsAll", "containsAny")}({Longs_(depth - 1)})",
            20 => $"{Longs_(depth - 1)}.isEmpty()",
            21 => $"{Ip(depth - 1)}.{Pick([.. IpTests, $"isInRange({Ip(depth - 1)})"])}",
            22 => $"{Decimal(depth - 1)}.{Pick(DecimalTests)}({Decimal(depth - 1)})",
            23 => $"{Entity(depth - 1)}.hasTag({Text(depth - 1)})",
            24 => $"({{a: {Long(depth - 1)}, \"b c\": {Bool(depth - 1)}}}.{Pick("a == 1", "a < 7", "a != 100")})",
            _ => Bool(0),
        };
    }

    public string Long(int depth)
    {
        if (Wrong()) return Any(depth);
        if (depth <= 0) return Pick([.. Longs, "principal.age", "resource.size", "context.n", "context.input.amount"]);
        return random.Next(8) switch
        {
            0 => $"({Long(depth - 1)} + {Long(depth - 1)})",
            1 => $"({Long(depth - 1)} - {Long(depth - 1)})",
            2 => $"({Long(depth - 1)} * {Long(depth - 1)})",
            3 => $"-{Long(depth - 1).Wrapped()}",
            4 => $"(if {Bool(depth - 1)} then {Long(depth - 1)} else {Long(depth - 1)})",
            5 => $"{Span(depth - 1)}.{Pick("toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays")}()",
            _ => Long(0),
        };
    }

    public string Text(int depth)
    {
        if (Wrong()) return Any(depth);
        if (depth <= 0) return Pick([.. Strings, "principal.name", "principal.home.city", "context.note"]);
        return random.Next(4) switch
        {
            0 => $"(if {Bool(depth - 1)} then {Text(depth - 1)} else {Text(depth - 1)})",
            1 => $"{Entity(depth - 1)}.getTag({Pick(Strings)})",
            _ => Text(0),
        };
    }

    public string Entity(int depth)
    {
        if (Wrong()) return Any(depth);
        if (depth <= 0 || random.Next(3) > 0)
        {
            return random.Next(9) switch
            {
                0 or 1 => "principal",
                2 or 3 => "resource",
                4 => Pick(Users),
                5 => Pick(Groups),
                6 => Pick(Docs),
                7 => Pick([.. Colors, "principal.color"]),
                _ => Pick("action", "Shop::Action::\"read\"", "Shop::Action::\"all\"", "Shop::Action::\"change\""),
            };
        }

        return Pick("principal.manager", "resource.owner", "resource.owner.manager",
            $"(if {Bool(depth - 1)} then {Entity(0)} else {Entity(0)})");
    }

    // Guards make the accesses behind them valid, which is most of what the validator is about.
    private string Guarded(int depth) => random.Next(9) switch
    {
        0 => $"(principal has email && principal.email == {Text(depth - 1)})",
        1 => $"(principal has manager && principal.manager in {Entity(0)})",
        2 => $"(context has note && context.note like \"a*\")",
        3 => $"(context has input.to && context.input.to == {Text(0)})",
        4 => $"(resource has meta.a.b && resource.meta.a.b < {Long(depth - 1)})",
        5 => $"(principal.hasTag(\"t\") && principal.getTag(\"t\") == {Text(0)})",
        6 => $"(resource.hasTag(\"t\") && resource.getTag(\"t\").contains({Long(0)}))",
        7 => $"((!(principal has balance)) || principal.balance.lessThan({Decimal(0)}))",
        _ => $"(principal has purse.currency && principal.purse.currency == {Text(0)})",
    };

    private string Any(int depth) => random.Next(9) switch
    {
        0 => Bool(Math.Min(depth, 0)),
        1 => Long(0),
        2 => Text(0),
        3 => Entity(0),
        4 => Longs_(0),
        5 => $"{{k: {Long(0)}}}",
        6 => Ip(0),
        7 => Decimal(0),
        _ => Pick("context", "[]", "[1, \"a\"]", "principal.nothing", "context.input", "principal.home"),
    };

    private string Longs_(int depth) => random.Next(4) switch
    {
        0 => "principal.scores",
        1 => $"[{Long(depth - 1)}]",
        2 => $"[{Long(0)}, {Long(0)}, {Long(depth - 1)}]",
        _ => Pick("resource.labels", "[\"a\", \"b\"]", "principal.friends", "[true, false]"),
    };

    private string Ip(int depth) =>
        depth > 0 && random.Next(6) == 0 ? $"ip({Text(0)})" : Pick([.. Ips, "principal.ip", "context.ip"]);

    private string Decimal(int depth) =>
        depth > 0 && random.Next(8) == 0
            ? $"decimal({Text(0)})" : Pick([.. Decimals, "principal.balance", "context.rate"]);

    private string Time(int depth)
    {
        if (depth <= 0) return Pick([.. Times, "context.at", "principal.born"]);
        return random.Next(4) switch
        {
            0 => $"{Time(depth - 1)}.offset({Span(depth - 1)})",
            1 => $"{Time(depth - 1)}.toDate()",
            _ => Time(0),
        };
    }

    private string Span(int depth)
    {
        if (depth <= 0) return Pick([.. Spans, "context.ttl", "principal.span"]);
        return random.Next(4) switch
        {
            0 => $"{Time(depth - 1)}.durationSince({Time(depth - 1)})",
            1 => $"{Time(depth - 1)}.toTime()",
            _ => Span(0),
        };
    }

    private string Equality() => Pick("==", "!=");

    private bool Wrong() => random.Next(60) == 0;

    private string Pick(params ReadOnlySpan<string> options) => options[random.Next(options.Length)];
}

internal static class Parentheses
{
    public static string Wrapped(this string text) => $"({text})";
}
