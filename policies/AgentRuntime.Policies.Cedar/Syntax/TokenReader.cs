namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// What the parsers of policies and schemas share: one token of look-ahead, interned names, diagnostics.
/// </summary>
internal abstract class TokenReader
{
    private readonly SourceText _source;
    private readonly List<CedarDiagnostic> _diagnostics;
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private Lexer _lexer;

    protected TokenReader(SourceText source, CedarLimits limits, List<CedarDiagnostic> diagnostics)
    {
        (_source, Limits, _diagnostics) = (source, limits, diagnostics);
        _lexer = new(source.Text);
        Current = _lexer.Next();
    }

    protected SourceText Source => _source;

    protected CedarLimits Limits { get; }

    protected Token Current { get; private set; }

    /// <summary>Where the token before the current one ended.</summary>
    protected int PreviousEnd { get; private set; }

    protected bool IsFull => _diagnostics.Count >= Limits.MaximumDiagnostics;

    protected TokenKind NextKind
    {
        get
        {
            var ahead = _lexer;
            return ahead.Next().Kind;
        }
    }

    protected ReadOnlySpan<char> Span(Token token) => _source.Text.AsSpan(token.Start, token.Length);

    protected ReadOnlySpan<char> StringBody(Token token) => _source.Text.AsSpan(token.Start + 1, token.Length - 2);

    protected string Text(Token token) => Intern(Span(token));

    // Policies repeat the same few names; one string each keeps them small and comparison by reference.
    protected string Intern(ReadOnlySpan<char> span)
    {
        var lookup = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(span, out var known)) return known;
        var text = span.ToString();
        _names[text] = text;
        return text;
    }

    protected bool IsWord(string word) =>
        Current.Kind == TokenKind.Identifier && Span(Current).SequenceEqual(word);

    protected void Advance()
    {
        PreviousEnd = Current.End;
        Current = _lexer.Next();
    }

    protected bool Accept(TokenKind kind)
    {
        if (Current.Kind != kind) return false;
        Advance();
        return true;
    }

    protected bool AcceptWord(string word)
    {
        if (!IsWord(word)) return false;
        Advance();
        return true;
    }

    protected bool Expect(TokenKind kind, string expected)
    {
        if (Accept(kind)) return true;
        Unexpected(expected);
        return false;
    }

    protected string? ReadString()
    {
        var token = Current;
        if (!Expect(TokenKind.String, "a string")) return null;
        var body = StringBody(token);
        if (!body.Contains('\\') && !body.Contains('\r')) return body.Length <= 64 ? Intern(body) : body.ToString();
        if (StringEscapes.TryUnescape(body, out var text, out var at)) return text;
        Report(new(TokenKind.String, token.Start + 1 + at, 2), "escape", "the string has an invalid escape");
        return null;
    }

    protected bool IsUsableIdentifier(Token token)
    {
        var span = Span(token);
        if (!CedarNames.IsReservedWord(span) && span is not "__cedar") return true;
        Report(token, "reservedIdentifier", $"`{span}` is a reserved word");
        return false;
    }

    protected bool TryAnnotations(out IReadOnlyList<KeyValuePair<string, string?>> annotations)
    {
        annotations = [];
        if (Current.Kind != TokenKind.At) return true;
        var list = new List<KeyValuePair<string, string?>>();
        annotations = list;
        while (Accept(TokenKind.At))
        {
            var key = Current;
            if (!Expect(TokenKind.Identifier, "the name of an annotation")) return false;
            var name = Text(key);
            string? value = null;
            if (Accept(TokenKind.OpenParen))
            {
                if (ReadString() is not { } text) return false;
                if (!Expect(TokenKind.CloseParen, "`)`")) return false;
                value = text;
            }

            if (list.Exists(a => a.Key == name))
            {
                Report(key, "duplicateAnnotation", $"the annotation `@{name}` comes twice");
                return false;
            }

            list.Add(new(name, value));
        }

        return true;
    }

    protected void Unexpected(string expected)
    {
        var found = Current.Kind switch
        {
            TokenKind.End => "the end of the text",
            TokenKind.Unterminated => "a string without an end",
            _ => $"`{Span(Current)}`",
        };
        Report(Current, "syntax", $"found {found} where {expected} was expected");
    }

    protected void Report(Token at, string code, string message, string? suggestion = null)
    {
        if (IsFull) return;
        var length = Math.Min(at.Length, _source.Text.Length - at.Start);
        var position = _source.Position(at.Start, length);
        _diagnostics.Add(new(CedarSeverity.Error, code, message, position, null, suggestion));
    }
}
