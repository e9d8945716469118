using System.Globalization;
using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The escapes of Cedar strings, which are Rust's: <c>\n \r \t \\ \0 \' \"</c>, <c>\xHH</c> up to 7F, <c>\u{…}</c>
/// with one to six hexadecimal digits; in patterns also <c>\*</c>.
/// </summary>
internal static class StringEscapes
{
    /// <summary>Between the quotes there is no bare quote and no dangling backslash.</summary>
    public static bool IsStringBody(ReadOnlySpan<char> body)
    {
        for (var i = 0; i < body.Length; i++)
        {
            if (body[i] == '"') return false;
            if (body[i] == '\\' && ++i == body.Length) return false;
        }

        return true;
    }

    public static bool TryUnescape(ReadOnlySpan<char> body, out string text, out int errorAt)
    {
        errorAt = 0;
        if (body.IndexOfAny('\\', '\r') < 0)
        {
            text = body.ToString();
            return true;
        }

        text = "";
        var builder = new StringBuilder(body.Length);
        for (var i = 0; i < body.Length;)
        {
            errorAt = i;
            if (!TryReadOne(body, ref i, builder)) return false;
        }

        text = builder.ToString();
        return true;
    }

    /// <summary>Splits a pattern at its unescaped stars: <c>a*b</c> is <c>["a", "b"]</c>.</summary>
    public static bool TryPattern(ReadOnlySpan<char> body, out string[] pieces, out int errorAt)
    {
        var done = new List<string>();
        var builder = new StringBuilder(body.Length);
        pieces = [];
        errorAt = 0;
        for (var i = 0; i < body.Length;)
        {
            errorAt = i;
            if (body[i] == '*')
            {
                done.Add(builder.ToString());
                builder.Clear();
                i++;
            }
            else if (body[i] == '\\' && i + 1 < body.Length && body[i + 1] == '*')
            {
                builder.Append('*');
                i += 2;
            }
            else if (!TryReadOne(body, ref i, builder))
            {
                return false;
            }
        }

        done.Add(builder.ToString());
        pieces = [.. done];
        return true;
    }

    /// <summary>The text in quotes, escaped as the reference implementation escapes it.</summary>
    public static string Quote(string text)
    {
        var builder = new StringBuilder(text.Length + 2);
        builder.Append('"');
        Escape(builder, text, pattern: false);
        return builder.Append('"').ToString();
    }

    public static void Escape(StringBuilder builder, ReadOnlySpan<char> text, bool pattern)
    {
        // Rust escapes combining marks at the start of a string, in a pattern everywhere.
        var escapeMarks = true;
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case 0: builder.Append("\\0"); break;
                case '\t': builder.Append("\\t"); break;
                case '\n': builder.Append("\\n"); break;
                case '\r': builder.Append("\\r"); break;
                case '"': builder.Append("\\\""); break;
                case '\'': builder.Append("\\'"); break;
                case '\\': builder.Append("\\\\"); break;
                case '*' when pattern: builder.Append("\\*"); break;
                default:
                    if (IsPrintable(rune, escapeMarks)) builder.Append(rune.ToString());
                    else builder.Append("\\u{").Append(rune.Value.ToString("x", CultureInfo.InvariantCulture)).Append(
                        '}');
                    break;
            }

            escapeMarks = pattern;
        }
    }

    private static bool IsPrintable(Rune rune, bool escapeMarks) =>
        rune.Value == ' ' || Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.SpaceSeparator => false,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark => !escapeMarks,
        _ => true,
    };

    private static bool TryReadOne(ReadOnlySpan<char> body, ref int i, StringBuilder builder)
    {
        var c = body[i++];
        if (c == '\r') return false;
        if (c != '\\')
        {
            builder.Append(c);
            return true;
        }

        if (i == body.Length) return false;
        switch (body[i++])
        {
            case 'n': builder.Append('\n'); return true;
            case 'r': builder.Append('\r'); return true;
            case 't': builder.Append('\t'); return true;
            case '0': builder.Append('\0'); return true;
            case '\\': builder.Append('\\'); return true;
            case '\'': builder.Append('\''); return true;
            case '"': builder.Append('"'); return true;
            case 'x': return TryHex(body, ref i, builder);
            case 'u': return TryUnicode(body, ref i, builder);
            default: return false;
        }
    }

    private static bool TryHex(ReadOnlySpan<char> body, ref int i, StringBuilder builder)
    {
        if (i + 2 > body.Length || !char.IsAsciiHexDigit(body[i]) || !char.IsAsciiHexDigit(body[i + 1])) return false;
        var value = int.Parse(body.Slice(i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if (value > 0x7f) return false;
        builder.Append((char)value);
        i += 2;
        return true;
    }

    private static bool TryUnicode(ReadOnlySpan<char> body, ref int i, StringBuilder builder)
    {
        if (i == body.Length || body[i] != '{') return false;
        var length = body[i..].IndexOf('}') - 1;
        if (length < 1) return false;
        var digits = body.Slice(i + 1, length);
        if (digits[0] == '_') return false;
        var (value, count) = (0, 0);
        foreach (var c in digits)
        {
            if (c == '_') continue;
            if (!char.IsAsciiHexDigit(c) || ++count > 6) return false;
            value = (value * 16) + HexValue(c);
        }

        if (!Rune.IsValid(value)) return false;
        builder.Append(new Rune(value).ToString());
        i += length + 2;
        return true;
    }

    private static int HexValue(char c) => char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}
