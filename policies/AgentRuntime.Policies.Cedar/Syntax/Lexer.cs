namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Tokens of Cedar policies and schemas; white space is Unicode's, comments run from <c>//</c> to the line's end.
/// </summary>
internal struct Lexer(string text)
{
    private int _at;

    public Token Next()
    {
        SkipBlank();
        if (_at >= text.Length) return new(TokenKind.End, text.Length, 0);
        var start = _at;
        var c = text[_at++];
        var kind = CedarNames.IsIdentifierStart(c) ? Identifier()
            : char.IsAsciiDigit(c) ? Number()
            : c == '"' ? String()
            : Symbol(c);
        return new(kind, start, _at - start);
    }

    private void SkipBlank()
    {
        while (_at < text.Length)
        {
            var c = text[_at];
            if (c == ' ' || c == '\n' || char.IsWhiteSpace(c))
            {
                _at++;
            }
            else if (c == '/' && _at + 1 < text.Length && text[_at + 1] == '/')
            {
                var end = text.AsSpan(_at).IndexOfAny('\n', '\r');
                _at = end < 0 ? text.Length : _at + end;
            }
            else
            {
                return;
            }
        }
    }

    private TokenKind Identifier()
    {
        while (_at < text.Length && CedarNames.IsIdentifierPart(text[_at])) _at++;
        return TokenKind.Identifier;
    }

    private TokenKind Number()
    {
        while (_at < text.Length && char.IsAsciiDigit(text[_at])) _at++;
        return TokenKind.Number;
    }

    private TokenKind String()
    {
        while (_at < text.Length)
        {
            var c = text[_at++];
            if (c == '"') return TokenKind.String;
            if (c != '\\') continue;
            if (_at >= text.Length || text[_at] is '\n') return TokenKind.Unterminated;
            _at++;
        }

        return TokenKind.Unterminated;
    }

    private TokenKind Symbol(char c) => c switch
    {
        '@' => TokenKind.At,
        '.' => TokenKind.Dot,
        ',' => TokenKind.Comma,
        ';' => TokenKind.Semicolon,
        ':' => Then(':') ? TokenKind.DoubleColon : TokenKind.Colon,
        '(' => TokenKind.OpenParen,
        ')' => TokenKind.CloseParen,
        '{' => TokenKind.OpenBrace,
        '}' => TokenKind.CloseBrace,
        '[' => TokenKind.OpenBracket,
        ']' => TokenKind.CloseBracket,
        '=' => Then('=') ? TokenKind.Equal : TokenKind.Assign,
        '!' => Then('=') ? TokenKind.NotEqual : TokenKind.Not,
        '<' => Then('=') ? TokenKind.LessEqual : TokenKind.Less,
        '>' => Then('=') ? TokenKind.GreaterEqual : TokenKind.Greater,
        '|' => Then('|') ? TokenKind.Or : TokenKind.Unknown,
        '&' => Then('&') ? TokenKind.And : TokenKind.Unknown,
        '+' => TokenKind.Plus,
        '-' => TokenKind.Minus,
        '*' => TokenKind.Star,
        '/' => TokenKind.Slash,
        '%' => TokenKind.Percent,
        '?' => Slot(),
        _ => TokenKind.Unknown,
    };

    private TokenKind Slot()
    {
        if (_at >= text.Length || !CedarNames.IsIdentifierStart(text[_at])) return TokenKind.Question;
        Identifier();
        return TokenKind.Slot;
    }

    private bool Then(char c)
    {
        if (_at >= text.Length || text[_at] != c) return false;
        _at++;
        return true;
    }
}
