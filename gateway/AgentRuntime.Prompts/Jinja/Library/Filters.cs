using System.Globalization;
using System.Text;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>
/// Jinja2's filters as far as chat templates use them (pallets/jinja: src/jinja2/filters.py), with <c>tojson</c> as
/// transformers has it. Stateless.
/// </summary>
internal static class Filters
{
    public static object? Apply(RenderState state, string name, object? value, JinjaArguments a)
    {
        switch (name)
        {
            case "tojson":
                Defined(value);
                var separators = (a.Get(2, "separators") as JinjaList)?.Items;
                return state.Made(Python.Json(
                    value, Operations.IsTrue(a.Get(0, "ensure_ascii")), (int?)Operations.Integer(a.Get(1, "indent")),
                    Operations.IsTrue(a.Get(3, "sort_keys")), separators?[0] as string, separators?[1] as string));
            case "default" or "d":
                var isMissing = value is JinjaUndefined
                    || (Operations.IsTrue(a.Get(1, "boolean")) && !Operations.IsTrue(value));
                return isMissing ? a.Get(0, "default_value", "") : value;
            case "trim":
                return state.Made(TextMethods.Strip(Python.Text(value), a.Get(0, "chars"), left: true, right: true));
            case "length" or "count":
                return value is string text ? Runes(text)
                    : value is JinjaMap map ? map.Count
                    : value is null or bool or long or double ? throw new JinjaException("it has no length")
                    : (long)Operations.Items(value).Count;
            case "string" or "safe":
                return value is string ? value : state.Made(Python.Text(value));
            case "upper":
                return state.Made(Python.Text(value).ToUpperInvariant());
            case "lower":
                return state.Made(Python.Text(value).ToLowerInvariant());
            case "capitalize":
                return state.Made(TextMethods.Capitalize(Python.Text(value)));
            case "title":
                return state.Made(Title(Python.Text(value)));
            case "replace":
                return state.Made(TextMethods.Replace(
                    Python.Text(value), Python.Text(a.Get(0, "old")), Python.Text(a.Get(1, "new")),
                    Operations.Integer(a.Get(2, "count")) ?? -1));
            case "escape" or "e":
                return state.Made(Python.Text(value).Replace("&", "&amp;", StringComparison.Ordinal)
                    .Replace(">", "&gt;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
                    .Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal));
            case "indent":
                return state.Made(Indent(Python.Text(value), a));
            case "join":
                return Join(state, value, a);
            case "int":
                return Whole(value, a.Get(0, "default", 0L));
            case "float":
                return Real(value, a.Get(0, "default", 0.0));
            case "abs":
                return Operations.Order(value, 0L) < 0 ? Operations.Sign(value, negative: true) : value;
            case "round":
                return Round(value, a);
            default:
                return ListFilters.Apply(state, name, value, a);
        }
    }

    private static void Defined(object? value)
    {
        if (value is JinjaUndefined undefined)
            throw undefined.Error();
    }

    private static long Runes(string text)
    {
        var count = (long)text.Length;
        foreach (var c in text)
            count -= char.IsLowSurrogate(c) ? 1 : 0;
        return count;
    }

    private static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var begins = true;
        foreach (var c in text)
        {
            result.Append(begins ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
            begins = c is '-' or '(' or '{' or '[' or '<' || Python.IsSpace(c);
        }

        return result.ToString();
    }

    private static string Indent(string text, JinjaArguments a)
    {
        var width = a.Get(0, "width", 4L);
        var indent = width as string ?? new string(' ', (int)Math.Clamp(Operations.Integer(width) ?? 4, 0, 1000));
        var (first, blank) = (Operations.IsTrue(a.Get(1, "first")), Operations.IsTrue(a.Get(2, "blank")));
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (i == 0 ? first : blank || lines[i].Length > 0)
                lines[i] = indent + lines[i];
        }

        return string.Join('\n', lines);
    }

    private static string Join(RenderState state, object? value, JinjaArguments a)
    {
        var attribute = a.Get(1, "attribute");
        var items = Operations.Items(value).Select(i =>
            (object?)Python.Text(attribute is null ? i : Members.Path(state, i, attribute)));
        return TextMethods.Join(state, Python.Text(a.Get(0, "d", "")), [.. items]);
    }

    private static object? Whole(object? value, object? otherwise) => value switch
    {
        double real when Math.Abs(real) < long.MaxValue => (long)real,
        string text when long.TryParse(text.Trim(Python.Spaces), NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture, out var number) => number,
        string text when double.TryParse(text.Trim(Python.Spaces), NumberStyles.Float, CultureInfo.InvariantCulture,
            out var real) && Math.Abs(real) < long.MaxValue => (long)real,
        _ => Operations.Integer(value) ?? otherwise,
    };

    private static object? Real(object? value, object? otherwise) => value is string text
        ? double.TryParse(text.Trim(Python.Spaces), NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            ? real : otherwise
        : Operations.Number(value) ?? otherwise;

    private static double Round(object? value, JinjaArguments a)
    {
        var number = Operations.Number(value) ?? throw new JinjaException($"{Operations.TypeOf(value)} is no number");
        var scale = Math.Pow(10, Math.Clamp(Operations.Integer(a.Get(0, "precision")) ?? 0, -15, 15));
        return a.Get(1, "method", "common") switch
        {
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => Math.Round(number * scale, MidpointRounding.ToEven) / scale,
        };
    }
}
