namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Which strings are identifiers and names (Cedar grammar: IDENT, Path; RFC 52 reserves <c>__cedar</c>).
/// </summary>
internal static class CedarNames
{
    public static bool IsIdentifierStart(char c) => char.IsAsciiLetter(c) || c == '_';

    public static bool IsIdentifierPart(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';

    public static bool IsReservedWord(ReadOnlySpan<char> text) =>
        text is "true" or "false" or "if" or "then" or "else" or "in" or "is" or "like" or "has";

    /// <summary>Letters, digits and underscores, not starting with a digit; reserved words included.</summary>
    public static bool IsAnyIdentifier(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || !IsIdentifierStart(text[0])) return false;
        foreach (var c in text)
            if (!IsIdentifierPart(c)) return false;
        return true;
    }

    public static bool IsIdentifier(ReadOnlySpan<char> text) => IsAnyIdentifier(text) && !IsReservedWord(text);

    /// <summary>Identifiers joined by <c>::</c>, none of them <c>__cedar</c>.</summary>
    public static bool IsName(ReadOnlySpan<char> text)
    {
        while (true)
        {
            var end = text.IndexOf("::");
            var part = end < 0 ? text : text[..end];
            if (!IsIdentifier(part) || part is "__cedar") return false;
            if (end < 0) return true;
            text = text[(end + 2)..];
        }
    }

    public static string Basename(string name)
    {
        var end = name.LastIndexOf("::", StringComparison.Ordinal);
        return end < 0 ? name : name[(end + 2)..];
    }

    public static string Namespace(string name)
    {
        var end = name.LastIndexOf("::", StringComparison.Ordinal);
        return end < 0 ? "" : name[..end];
    }
}
