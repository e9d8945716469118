namespace AgentRuntime.Policies.Cedar;

/// <summary>A token with the comments around it: those on lines before it, and the one behind it on its line.</summary>
internal sealed class LayoutToken(TokenKind kind, string text)
{
    public TokenKind Kind => kind;

    public string Text => text;

    public List<string> Leading { get; } = [];

    public string? Trailing { get; private set; }

    /// <summary>The index of the bracket that closes this one.</summary>
    public int Match { get; set; } = -1;

    public bool HasComment => Leading.Count > 0 || Trailing is not null;

    public bool IsOpen => kind is TokenKind.OpenParen or TokenKind.OpenBrace or TokenKind.OpenBracket;

    public bool IsClose => kind is TokenKind.CloseParen or TokenKind.CloseBrace or TokenKind.CloseBracket;

    public bool Is(string word) => kind == TokenKind.Identifier && text == word;

    /// <summary>The tokens of a text that parses; the last is its end, which carries the comments there.</summary>
    public static List<LayoutToken> Read(string source)
    {
        var tokens = new List<LayoutToken>();
        var open = new Stack<int>();
        var lexer = new Lexer(source);
        var end = 0;
        while (true)
        {
            var token = lexer.Next();
            var next = new LayoutToken(token.Kind, source.Substring(token.Start, token.Length));
            TakeComments(source.AsSpan(end, token.Start - end), tokens.Count > 0 ? tokens[^1] : null, next);
            if (next.IsOpen) open.Push(tokens.Count);
            if (next.IsClose) tokens[open.Pop()].Match = tokens.Count;
            tokens.Add(next);
            if (token.Kind == TokenKind.End) return tokens;
            end = token.End;
        }
    }

    private static void TakeComments(ReadOnlySpan<char> gap, LayoutToken? before, LayoutToken after)
    {
        var isSameLine = before is not null;
        foreach (var line in gap.EnumerateLines())
        {
            var at = line.IndexOf("//");
            if (at >= 0)
            {
                var comment = line[at..].TrimEnd().ToString();
                if (isSameLine) before!.Trailing = comment;
                else after.Leading.Add(comment);
            }

            isSameLine = false;
        }
    }
}
