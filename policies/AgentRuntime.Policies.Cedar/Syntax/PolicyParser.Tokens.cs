namespace AgentRuntime.Policies.Cedar;

internal sealed partial class PolicyParser
{
    private ReadOnlySpan<char> Span(Token token) => _text.AsSpan(token.Start, token.Length);

    private string Text(Token token) => Intern(Span(token));

    // Policies repeat the same few names; one string each keeps them small and comparison by reference.
    private string Intern(ReadOnlySpan<char> span)
    {
        var lookup = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(span, out var known)) return known;
        var text = span.ToString();
        _names[text] = text;
        return text;
    }

    private bool IsWord(string word) => _token.Kind == TokenKind.Identifier && Span(_token).SequenceEqual(word);

    private void Advance()
    {
        _previousEnd = _token.End;
        _token = _lexer.Next();
    }

    private bool Accept(TokenKind kind)
    {
        if (_token.Kind != kind) return false;
        Advance();
        return true;
    }

    private bool Expect(TokenKind kind, string expected)
    {
        if (Accept(kind)) return true;
        Unexpected(expected);
        return false;
    }

    private string? ReadString()
    {
        var token = _token;
        if (!Expect(TokenKind.String, "a string")) return null;
        var body = _text.AsSpan(token.Start + 1, token.Length - 2);
        if (!body.Contains('\\') && !body.Contains('\r')) return body.Length <= 64 ? Intern(body) : body.ToString();
        if (StringEscapes.TryUnescape(body, out var text, out var at)) return text;
        Report(new(TokenKind.String, token.Start + 1 + at, 2), "escape", "the string has an invalid escape");
        return null;
    }

    private void Unexpected(string expected)
    {
        var found = _token.Kind switch
        {
            TokenKind.End => "the end of the text",
            TokenKind.Unterminated => "a string without an end",
            _ => $"`{Span(_token)}`",
        };
        Report(_token, "syntax", $"found {found} where {expected} was expected");
    }

    private void Report(Token at, string code, string message, string? suggestion = null)
    {
        if (_diagnostics.Count >= _limits.MaximumDiagnostics) return;
        var length = Math.Min(at.Length, _text.Length - at.Start);
        var position = _source.Position(at.Start, length);
        _diagnostics.Add(new(CedarSeverity.Error, code, message, position, null, suggestion));
    }
}
