using System.Globalization;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>Python's operators on a template's values. Stateless.</summary>
internal static class Operations
{
    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double real => real != 0,
        string text => text.Length > 0,
        JinjaList list => list.Items.Count > 0,
        JinjaMap map => map.Count > 0,
        _ => true,
    };

    /// <summary>What a loop goes over: items, a map's keys, a text's characters.</summary>
    public static IReadOnlyList<object?> Items(object? value) => value switch
    {
        JinjaList list => list.Items,
        JinjaMap map => [.. map.Entries.Select(e => e.Key)],
        string text => [.. text.EnumerateRunes().Select(r => r.ToString())],
        JinjaUndefined => [],
        _ => throw new JinjaException($"{TypeOf(value)} is not iterable"),
    };

    public static object Sign(object? value, bool negative) => value switch
    {
        // Without the casts all arms would become the wider type, and 1 would be written 1.0.
        long number => (object)(negative ? -number : number),
        double real => negative ? -real : real,
        bool flag => negative ? -(flag ? 1L : 0L) : flag ? 1L : 0L,
        JinjaUndefined undefined => throw undefined.Error(),
        _ => throw new JinjaException($"{TypeOf(value)} has no sign"),
    };

    public static object? Apply(RenderState state, string op, object? left, object? right)
    {
        if (op == "~")
            return state.Made(Python.Text(left) + Python.Text(right));
        if ((left as JinjaUndefined ?? right as JinjaUndefined) is { } undefined)
            throw undefined.Error();
        try
        {
            return (op, left, right) switch
            {
                ("+", string a, string b) => state.Made(a + b),
                ("+", JinjaList a, JinjaList b) when a.IsTuple == b.IsTuple =>
                    Joined(state, a, b),
                ("*", string a, long n) => Repeated(state, a, n),
                ("*", long n, string a) => Repeated(state, a, n),
                _ when Integer(left) is { } a && Integer(right) is { } b => Whole(op, a, b),
                _ when Number(left) is { } a && Number(right) is { } b => Real(op, a, b),
                _ => throw new JinjaException($"{op} is not defined between {TypeOf(left)} and {TypeOf(right)}"),
            };
        }
        catch (Exception e) when (e is OverflowException or DivideByZeroException)
        {
            throw new JinjaException(e.Message);
        }
    }

    public static bool Compare(string op, object? left, object? right) => op switch
    {
        "==" => AreEqual(left, right),
        "!=" => !AreEqual(left, right),
        "in" => Contains(right, left),
        "not in" => !Contains(right, left),
        "<" => Order(left, right) < 0,
        "<=" => Order(left, right) <= 0,
        ">" => Order(left, right) > 0,
        _ => Order(left, right) >= 0,
    };

    public static bool AreEqual(object? left, object? right, int depth = 0) => (left, right) switch
    {
        _ when depth > Python.MostDepth => throw new JinjaException("a value is nested too deeply"),
        (null, null) => true,
        (JinjaUndefined, JinjaUndefined) => true,
        (string a, string b) => a == b,
        (JinjaList a, JinjaList b) => a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count
            && a.Items.Zip(b.Items).All(p => AreEqual(p.First, p.Second, depth + 1)),
        (JinjaMap a, JinjaMap b) => a.Count == b.Count
            && a.Entries.All(e => b.TryGet(e.Key, out var value) && AreEqual(e.Value, value, depth + 1)),
        _ when Number(left) is { } a && Number(right) is { } b => a == b,
        _ => ReferenceEquals(left, right),
    };

    public static int Order(object? left, object? right) => (left, right) switch
    {
        (string a, string b) => string.CompareOrdinal(a, b),
        (JinjaUndefined undefined, _) => throw undefined.Error(),
        (_, JinjaUndefined undefined) => throw undefined.Error(),
        (JinjaList a, JinjaList b) => a.Items.Zip(b.Items).Select(p => AreEqual(p.First, p.Second)
            ? 0 : Order(p.First, p.Second)).FirstOrDefault(o => o != 0, a.Items.Count.CompareTo(b.Items.Count)),
        _ when Number(left) is { } a && Number(right) is { } b => a.CompareTo(b),
        _ => throw new JinjaException($"{TypeOf(left)} and {TypeOf(right)} have no order"),
    };

    public static double? Number(object? value) => value switch
    {
        double real => real,
        _ => Integer(value),
    };

    public static long? Integer(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    public static string TypeOf(object? value) => value switch
    {
        null => "none",
        bool => "a bool",
        long => "an int",
        double => "a float",
        string => "a str",
        JinjaList { IsTuple: true } => "a tuple",
        JinjaList => "a list",
        JinjaMap => "a dict",
        JinjaUndefined => "an undefined value",
        _ => "an object",
    };

    private static bool Contains(object? container, object? item) => container switch
    {
        string text => item is string part
            ? text.Contains(part, StringComparison.Ordinal)
            : throw new JinjaException("'in <string>' requires string as left operand"),
        JinjaMap map => map.TryGet(Members.Key(item), out _),
        _ => Items(container).Any(i => AreEqual(i, item)),
    };

    private static JinjaList Joined(RenderState state, JinjaList a, JinjaList b)
    {
        state.Made(a.Items.Count + b.Items.Count);
        return new([.. a.Items, .. b.Items], a.IsTuple);
    }

    private static string Repeated(RenderState state, string text, long count)
    {
        count = Math.Max(0, count);
        state.Made(Math.Min(count, int.MaxValue) * text.Length);
        return string.Concat(Enumerable.Repeat(text, (int)count));
    }

    private static object Whole(string op, long a, long b) => op switch
    {
        "+" => (object)checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "/" => b == 0 ? throw new DivideByZeroException() : (double)a / b,
        "//" => checked((a / b) - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0)),
        "%" => b == -1 ? 0L : ((a % b) + b) % b,
        _ when b < 0 => Math.Pow(a, b),
        _ => Power(a, b),
    };

    private static double Real(string op, double a, double b) => op switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "**" => Math.Pow(a, b),
        _ when b == 0 => throw new DivideByZeroException(),
        "/" => a / b,
        "//" => Math.Floor(a / b),
        _ => a - (Math.Floor(a / b) * b),
    };

    private static long Power(long a, long b)
    {
        var result = Math.Pow(a, b);
        return Math.Abs(result) < 1L << 53
            ? (long)result
            : throw new OverflowException(string.Create(CultureInfo.InvariantCulture, $"{a} ** {b} is too large"));
    }
}
