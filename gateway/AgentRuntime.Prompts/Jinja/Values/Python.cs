using System.Globalization;
using System.Text;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>How Python 3 writes values: <c>str</c>, <c>repr</c> and <c>json.dumps</c>. Stateless.</summary>
internal static class Python
{
    public const int MostDepth = 64;

    /// <summary>The characters that <c>str.strip</c> takes away.</summary>
    public static char[] Spaces { get; } =
        [.. Enumerable.Range(0, 0x10000).Select(c => (char)c).Where(IsSpace)];

    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary><c>str(value)</c>.</summary>
    public static string Text(object? value) => value switch
    {
        string text => text,
        JinjaUndefined => "",
        _ => Repr(value),
    };

    public static string Repr(object? value)
    {
        var text = new StringBuilder();
        Repr(value, text, 0);
        return text.ToString();
    }

    /// <summary><c>json.dumps(value, …)</c>.</summary>
    public static string Json(
        object? value, bool ascii, int? indent, bool sortKeys, string? itemSeparator, string? keySeparator)
    {
        var text = new StringBuilder();
        var form = new JsonForm(
            ascii, indent, sortKeys, itemSeparator ?? (indent is null ? ", " : ","), keySeparator ?? ": ");
        Json(value, text, form, 0);
        return text.ToString();
    }

    public static string Real(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var magnitude = Math.Abs(value);
        if (magnitude != 0 && magnitude is < 1e-4 or >= 1e16)
        {
            var (digits, exponent) = Scientific(value);
            return $"{digits}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        if (shortest.Contains('E', StringComparison.Ordinal))
            shortest = ((decimal)value).ToString(CultureInfo.InvariantCulture);
        return shortest.Contains('.', StringComparison.Ordinal) ? shortest : shortest + ".0";
    }

    private static (string Digits, int Exponent) Scientific(double value)
    {
        var parts = value.ToString("E16", CultureInfo.InvariantCulture).Split('E');
        for (var precision = 0; precision <= 16; precision++)
        {
            var text = value.ToString("E" + precision.ToString(CultureInfo.InvariantCulture),
                CultureInfo.InvariantCulture);
            if (double.Parse(text, CultureInfo.InvariantCulture) == value)
            {
                parts = text.Split('E');
                break;
            }
        }

        return (parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    private static void Repr(object? value, StringBuilder text, int depth)
    {
        if (depth > MostDepth)
            throw new JinjaException("a value is nested too deeply");
        switch (value)
        {
            case null:
                text.Append("None");
                break;
            case bool flag:
                text.Append(flag ? "True" : "False");
                break;
            case long number:
                text.Append(number);
                break;
            case double real:
                text.Append(Real(real));
                break;
            case string s:
                Quote(s, text);
                break;
            case JinjaList list:
                text.Append(list.IsTuple ? '(' : '[');
                for (var i = 0; i < list.Items.Count; i++)
                {
                    text.Append(i == 0 ? "" : ", ");
                    Repr(list.Items[i], text, depth + 1);
                }

                text.Append(list is { IsTuple: true, Items.Count: 1 } ? "," : "").Append(list.IsTuple ? ')' : ']');
                break;
            case JinjaMap map:
                text.Append('{');
                for (var i = 0; i < map.Count; i++)
                {
                    text.Append(i == 0 ? "" : ", ");
                    Repr(map.Entries[i].Key, text, depth + 1);
                    text.Append(": ");
                    Repr(map.Entries[i].Value, text, depth + 1);
                }

                text.Append('}');
                break;
            case JinjaUndefined:
                text.Append("Undefined");
                break;
            default:
                throw new JinjaException("a function or namespace cannot be written");
        }
    }

    private static void Quote(string s, StringBuilder text)
    {
        var quote = s.Contains('\'', StringComparison.Ordinal) && !s.Contains('"', StringComparison.Ordinal)
            ? '"' : '\'';
        text.Append(quote);
        foreach (var rune in s.EnumerateRunes())
        {
            text.Append(rune.Value switch
            {
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                var c when c == quote => "\\" + quote,
                ' ' => " ",
                var c when Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
                    or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator =>
                    c < 0x100 ? $"\\x{c:x2}" : c < 0x10000 ? $"\\u{c:x4}" : $"\\U{c:x8}",
                _ => rune.ToString(),
            });
        }

        text.Append(quote);
    }

    private static void Json(object? value, StringBuilder text, JsonForm form, int depth)
    {
        if (depth > MostDepth)
            throw new JinjaException("a value is nested too deeply");
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case bool flag:
                text.Append(flag ? "true" : "false");
                break;
            case double real:
                text.Append(double.IsFinite(real) ? Real(real) : double.IsNaN(real) ? "NaN"
                    : real > 0 ? "Infinity" : "-Infinity");
                break;
            case string s:
                JsonText(s, text, form.Ascii);
                break;
            case long:
                Repr(value, text, depth);
                break;
            case JinjaList list:
                Items('[', ']', list.Items.Count, i => Json(list.Items[i], text, form, depth + 1));
                break;
            case JinjaMap map:
                var entries = map.Entries;
                if (form.SortKeys)
                    entries = [.. entries.OrderBy(e => KeyText(e.Key), StringComparer.Ordinal)];
                Items('{', '}', entries.Count, i =>
                {
                    JsonText(KeyText(entries[i].Key), text, form.Ascii);
                    text.Append(form.KeySeparator);
                    Json(entries[i].Value, text, form, depth + 1);
                });
                break;
            default:
                throw new JinjaException("a value cannot be written as JSON");
        }

        void Items(char open, char close, int count, Action<int> each)
        {
            text.Append(open);
            for (var i = 0; i < count; i++)
            {
                text.Append(i == 0 ? "" : form.ItemSeparator);
                Break(depth + 1);
                each(i);
            }

            if (count > 0)
                Break(depth);
            text.Append(close);
        }

        void Break(int level)
        {
            if (form.Indent is { } width)
                text.Append('\n').Append(' ', width * level);
        }
    }

    private static string KeyText(object? key) => key switch
    {
        string text => text,
        null => "null",
        bool flag => flag ? "true" : "false",
        _ => Repr(key),
    };

    private static void JsonText(string s, StringBuilder text, bool ascii)
    {
        text.Append('"');
        foreach (var c in s)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                > '~' when ascii => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    private readonly record struct JsonForm(
        bool Ascii, int? Indent, bool SortKeys, string ItemSeparator, string KeySeparator);
}
