namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A recursive-descent parser of Cedar policies (Cedar grammar, 4.5). After an error it goes on behind the next
/// semicolon, so that one pass reports every broken policy. Single use, single thread.
/// </summary>
internal sealed partial class PolicyParser(SourceText source, CedarLimits limits, List<CedarDiagnostic> diagnostics)
    : TokenReader(source, limits, diagnostics)
{
    private int _depth;

    /// <summary>All policies and templates of the text; those with errors are left out and reported.</summary>
    public List<CedarPolicy> ReadPolicies(string idPrefix)
    {
        var policies = new List<CedarPolicy>();
        var ordinal = 0;
        while (Current.Kind != TokenKind.End)
        {
            var id = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{idPrefix}{ordinal++}");
            if (ordinal > Limits.MaximumPolicies)
            {
                Report(Current, "limit", $"there are more than {Limits.MaximumPolicies} policies");
                break;
            }

            _depth = 0;
            if (ReadPolicy(id) is { } policy) policies.Add(policy);
            else if (IsFull) break;
            else SkipPolicy();
        }

        return policies;
    }

    /// <summary>A single expression, which must be the whole text.</summary>
    public Expr? ReadWholeExpression()
    {
        var expr = ReadExpression();
        if (expr is null || Current.Kind == TokenKind.End) return expr;
        Unexpected("the end of the expression");
        return null;
    }

    private CedarPolicy? ReadPolicy(string id)
    {
        var start = Current.Start;
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
        var end = Current.End;
        if (!Expect(TokenKind.Semicolon, "`when`, `unless` or `;`")) return null;
        return new(
            id, effect, principal, action, resource, conditions, annotations, Source, start, end - start);
    }

    private CedarPolicy? Fail(string expected)
    {
        Unexpected(expected);
        return null;
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
            if (Current.Kind == TokenKind.CloseBrace)
            {
                Report(Current, "syntax", $"the `{(isUnless ? "unless" : "when")}` clause is empty");
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
        while (Current.Kind is not (TokenKind.End or TokenKind.Semicolon)) Advance();
        Accept(TokenKind.Semicolon);
    }
}
