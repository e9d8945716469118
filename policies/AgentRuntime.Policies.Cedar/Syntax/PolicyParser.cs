namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A recursive-descent parser of Cedar policies (Cedar grammar, 4.5). After an error it goes on behind the next
/// semicolon, so that one pass reports every broken policy. Single use, single thread.
/// </summary>
internal sealed partial class PolicyParser
{
    private readonly SourceText _source;
    private readonly string _text;
    private readonly CedarLimits _limits;
    private readonly List<CedarDiagnostic> _diagnostics;
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private Lexer _lexer;
    private Token _token;
    private int _previousEnd;
    private int _depth;

    public PolicyParser(SourceText source, CedarLimits limits, List<CedarDiagnostic> diagnostics)
    {
        (_source, _text, _limits, _diagnostics) = (source, source.Text, limits, diagnostics);
        _lexer = new(_text);
        _token = _lexer.Next();
    }

    /// <summary>All policies and templates of the text; those with errors are left out and reported.</summary>
    public List<CedarPolicy> ReadPolicies(string idPrefix)
    {
        var policies = new List<CedarPolicy>();
        var ordinal = 0;
        while (_token.Kind != TokenKind.End)
        {
            var id = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{idPrefix}{ordinal++}");
            if (ordinal > _limits.MaximumPolicies)
            {
                Report(_token, "limit", $"there are more than {_limits.MaximumPolicies} policies");
                break;
            }

            _depth = 0;
            if (ReadPolicy(id) is { } policy) policies.Add(policy);
            else if (_diagnostics.Count >= _limits.MaximumDiagnostics) break;
            else SkipPolicy();
        }

        return policies;
    }

    /// <summary>A single expression, which must be the whole text.</summary>
    public Expr? ReadWholeExpression()
    {
        var expr = ReadExpression();
        if (expr is null || _token.Kind == TokenKind.End) return expr;
        Unexpected("the end of the expression");
        return null;
    }

    private CedarPolicy? ReadPolicy(string id)
    {
        var start = _token.Start;
        if (!TryAnnotations(out var annotations)) return null;
        CedarEffect effect;
        if (IsWord("permit")) effect = CedarEffect.Permit;
        else if (IsWord("forbid")) effect = CedarEffect.Forbid;
        else return Fail("`permit` or `forbid`");
        Advance();
        if (!Expect(TokenKind.OpenParen, "`(`")) return null;
        if (ReadScope("principal") is not { } principal || !Expect(TokenKind.Comma, "`,`")) return null;
        if (ReadScope("action") is not { } action || !Expect(TokenKind.Comma, "`,`")) return null;
        if (ReadScope("resource") is not { } resource) return null;
        Accept(TokenKind.Comma);
        if (!Expect(TokenKind.CloseParen, "`)`")) return null;
        if (!TryConditions(out var conditions)) return null;
        var end = _token.End;
        if (!Expect(TokenKind.Semicolon, "`when`, `unless` or `;`")) return null;
        return new(
            id, effect, principal, action, resource, conditions, annotations, _source, start, end - start);
    }

    private CedarPolicy? Fail(string expected)
    {
        Unexpected(expected);
        return null;
    }

    private bool TryAnnotations(out IReadOnlyList<KeyValuePair<string, string?>> annotations)
    {
        annotations = [];
        if (_token.Kind != TokenKind.At) return true;
        var list = new List<KeyValuePair<string, string?>>();
        annotations = list;
        while (Accept(TokenKind.At))
        {
            var key = _token;
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

    private bool TryConditions(out CedarCondition[] conditions)
    {
        List<CedarCondition>? list = null;
        conditions = [];
        while (IsWord("when") || IsWord("unless"))
        {
            var isUnless = IsWord("unless");
            Advance();
            if (!Expect(TokenKind.OpenBrace, "`{`")) return false;
            if (_token.Kind == TokenKind.CloseBrace)
            {
                Report(_token, "syntax", $"the `{(isUnless ? "unless" : "when")}` clause is empty");
                return false;
            }

            if (ReadExpression() is not { } body || !Expect(TokenKind.CloseBrace, "`}`")) return false;
            (list ??= []).Add(new(isUnless, body));
        }

        if (list is not null) conditions = [.. list];
        return true;
    }

    // Goes on behind the next semicolon; the lexer never stops in a string, so one inside quotes does not count.
    private void SkipPolicy()
    {
        while (_token.Kind is not (TokenKind.End or TokenKind.Semicolon)) Advance();
        Accept(TokenKind.Semicolon);
    }
}
