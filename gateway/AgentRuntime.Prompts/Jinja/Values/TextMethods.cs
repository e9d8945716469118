using System.Text;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>The methods of Python's <c>str</c> that templates use. Stateless.</summary>
internal static class TextMethods
{
    public static JinjaCallable? Of(RenderState state, string text, string name) => name switch
    {
        "strip" => new(name, a => state.Made(Strip(text, a.Get(0, "chars"), left: true, right: true))),
        "lstrip" => new(name, a => state.Made(Strip(text, a.Get(0, "chars"), left: true, right: false))),
        "rstrip" => new(name, a => state.Made(Strip(text, a.Get(0, "chars"), left: false, right: true))),
        "upper" => new(name, _ => state.Made(text.ToUpperInvariant())),
        "lower" => new(name, _ => state.Made(text.ToLowerInvariant())),
        "title" => new(name, _ => state.Made(Title(text))),
        "capitalize" => new(name, _ => state.Made(Capitalize(text))),
        "startswith" => new(name, a => Any(a.Get(0, "prefix"), p => text.StartsWith(p, StringComparison.Ordinal))),
        "endswith" => new(name, a => Any(a.Get(0, "suffix"), p => text.EndsWith(p, StringComparison.Ordinal))),
        "replace" => new(name, a => state.Made(Replace(
            text, Needed(a.Get(0, "old")), Needed(a.Get(1, "new")), Operations.Integer(a.Get(2, "count")) ?? -1))),
        "split" => new(name, a => state.Made(Split(text, a, fromRight: false))),
        "rsplit" => new(name, a => state.Made(Split(text, a, fromRight: true))),
        "splitlines" => new(name, _ => state.Made(Lines(text))),
        "find" => new(name, a => (long)text.IndexOf(Needed(a.Get(0, "sub")), StringComparison.Ordinal)),
        "rfind" => new(name, a => (long)text.LastIndexOf(Needed(a.Get(0, "sub")), StringComparison.Ordinal)),
        "count" => new(name, a => Count(text, Needed(a.Get(0, "sub")))),
        "join" => new(name, a => Join(state, text, Operations.Items(a.Get(0, "iterable")))),
        "removeprefix" => new(name, a => Needed(a.Get(0, "prefix")) is var p && text.StartsWith(p,
            StringComparison.Ordinal) ? text[p.Length..] : text),
        "removesuffix" => new(name, a => Needed(a.Get(0, "suffix")) is var s && text.EndsWith(s,
            StringComparison.Ordinal) ? text[..^s.Length] : text),
        "format" => new(name, a => state.Made(Format(text, a))),
        "isdigit" => new(name, _ => text.Length > 0 && text.All(char.IsDigit)),
        "isalpha" => new(name, _ => text.Length > 0 && text.All(char.IsLetter)),
        "isalnum" => new(name, _ => text.Length > 0 && text.All(char.IsLetterOrDigit)),
        "isspace" => new(name, _ => text.Length > 0 && text.All(Python.IsSpace)),
        "isupper" => new(name, _ => text.Any(char.IsUpper) && !text.Any(char.IsLower)),
        "islower" => new(name, _ => text.Any(char.IsLower) && !text.Any(char.IsUpper)),
        _ => null,
    };

    /// <summary>
    /// <c>str.format</c> with names and numbers in its braces; what looks into values, or says how they are written, is
    /// refused (Jinja2's sandbox allows it where it is safe).
    /// </summary>
    public static string Format(string text, JinjaArguments arguments)
    {
        var result = new StringBuilder(text.Length);
        var next = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('{' or '}'))
            {
                result.Append(text[i]);
            }
            else if (i + 1 < text.Length && text[i + 1] == text[i])
            {
                result.Append(text[i++]);
            }
            else
            {
                var end = text[i] == '{' ? text.IndexOf('}', i) : -1;
                if (end < 0)
                    throw new JinjaException("a brace in a format has no other");
                result.Append(Python.Text(Field(text[(i + 1)..end], arguments, ref next)));
                i = end;
            }
        }

        return result.ToString();
    }

    public static string Strip(string text, object? characters, bool left, bool right)
    {
        char[] set = characters is null ? Python.Spaces : Needed(characters).ToCharArray();
        if (set.Length == 0)
            return text;
        text = left ? text.TrimStart(set) : text;
        return right ? text.TrimEnd(set) : text;
    }

    public static string Replace(string text, string old, string with, long count)
    {
        if (count < 0 && old.Length > 0)
            return text.Replace(old, with, StringComparison.Ordinal);
        var result = new StringBuilder();
        var at = 0;
        for (; count != 0; count--)
        {
            var found = old.Length == 0
                ? at <= text.Length ? at : -1
                : text.IndexOf(old, at, StringComparison.Ordinal);
            if (found < 0)
                break;
            result.Append(text, at, found - at).Append(with);
            at = found + old.Length;
            if (old.Length == 0)
            {
                if (at < text.Length)
                    result.Append(text[at]);
                at++;
            }
        }

        return at < text.Length ? result.Append(text, at, text.Length - at).ToString() : result.ToString();
    }

    public static string Capitalize(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    public static string Join(RenderState state, string separator, IReadOnlyList<object?> items)
    {
        var parts = items.Select(i => i as string ?? throw new JinjaException("only strings can be joined")).ToList();
        state.Made(parts.Sum(p => (long)p.Length) + ((long)separator.Length * parts.Count));
        return string.Join(separator, parts);
    }

    public static string Needed(object? value) => value as string
        ?? throw new JinjaException($"a str is needed and there is {Operations.TypeOf(value)}");

    private static bool Any(object? one, Func<string, bool> test) => one is JinjaList { IsTuple: true } all
        ? all.Items.Any(i => test(Needed(i)))
        : test(Needed(one));

    private static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var inWord = false;
        foreach (var c in text)
        {
            result.Append(inWord ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inWord = char.IsLetter(c);
        }

        return result.ToString();
    }

    private static long Count(string text, string part)
    {
        if (part.Length == 0)
            return text.Length + 1;
        var count = 0L;
        for (var at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length)
            count++;
        return count;
    }

    private static List<object?> Split(string text, JinjaArguments arguments, bool fromRight)
    {
        var separator = arguments.Get(0, "sep");
        var most = Operations.Integer(arguments.Get(1, "maxsplit")) is { } m and >= 0 ? m : int.MaxValue;
        if (separator is not null && Needed(separator).Length == 0)
            throw new JinjaException("empty separator");
        return separator is null ? Words(text, most, fromRight) : Parts(text, Needed(separator), most, fromRight);
    }

    private static List<object?> Parts(string text, string separator, long most, bool fromRight)
    {
        var parts = new List<object?>();
        var (from, to) = (0, text.Length);
        for (; most > 0; most--)
        {
            var at = fromRight
                ? text.AsSpan(0, to).LastIndexOf(separator, StringComparison.Ordinal)
                : text.IndexOf(separator, from, StringComparison.Ordinal);
            if (at < 0)
                break;
            parts.Add(fromRight ? text[(at + separator.Length)..to] : text[from..at]);
            (from, to) = fromRight ? (0, at) : (at + separator.Length, to);
        }

        parts.Add(text[from..to]);
        if (fromRight)
            parts.Reverse();
        return parts;
    }

    private static List<object?> Words(string text, long most, bool fromRight)
    {
        var words = new List<object?>();
        text = text.Trim(Python.Spaces);
        var (from, to) = (0, text.Length);
        while (from < to)
        {
            var at = words.Count >= most ? -1 : fromRight
                ? text.AsSpan(0, to).LastIndexOfAny(Python.Spaces)
                : text.AsSpan(from).IndexOfAny(Python.Spaces) is >= 0 and var offset ? from + offset : -1;
            if (at < 0)
            {
                words.Add(text[from..to]);
                break;
            }

            words.Add(fromRight ? text[(at + 1)..to] : text[from..at]);
            if (fromRight)
                to = at;
            else
                from = at;
            while (fromRight && to > 0 && Python.IsSpace(text[to - 1]))
                to--;
            while (!fromRight && from < text.Length && Python.IsSpace(text[from]))
                from++;
        }

        if (fromRight)
            words.Reverse();
        return words;
    }

    private static List<object?> Lines(string text)
    {
        var lines = Parts(text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n'), "\n",
            int.MaxValue, fromRight: false);
        if (lines is [.., ""])
            lines.RemoveAt(lines.Count - 1);
        return lines;
    }

    private static object? Field(string name, JinjaArguments arguments, ref int next)
    {
        if (name.Length == 0 || name.All(char.IsAsciiDigit))
        {
            var at = name.Length == 0 ? next++ : int.TryParse(name, out var given) ? given : int.MaxValue;
            return at < arguments.Positional.Count
                ? arguments.Positional[at] : throw new JinjaException("a format names an argument that is not there");
        }

        return arguments.Named.TryGetValue(name, out var value)
            ? value : throw new JinjaException($"a format cannot have '{name}'");
    }
}
