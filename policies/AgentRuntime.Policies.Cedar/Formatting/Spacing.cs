namespace AgentRuntime.Policies.Cedar;

/// <summary>Where a space stands between two tokens of a policy.</summary>
internal static class Spacing
{
    private static readonly string[] Words =
        ["if", "then", "else", "in", "is", "has", "like", "permit", "forbid", "when", "unless"];

    public static bool IsNeeded(LayoutToken? before, LayoutToken? previous, LayoutToken next)
    {
        if (previous is null) return false;
        switch (next.Kind)
        {
            case TokenKind.Comma or TokenKind.Semicolon or TokenKind.Colon or TokenKind.Dot or TokenKind.DoubleColon
                or TokenKind.CloseParen or TokenKind.CloseBracket: return false;
            case TokenKind.CloseBrace: return previous.Kind != TokenKind.OpenBrace;
            case TokenKind.OpenParen or TokenKind.OpenBracket when EndsOperand(before, previous): return false;
            default: break;
        }

        return previous.Kind switch
        {
            TokenKind.OpenParen or TokenKind.OpenBracket or TokenKind.Dot or TokenKind.DoubleColon or TokenKind.Not
                or TokenKind.At => false,
            TokenKind.Minus => before is not null && EndsOperand(null, before),
            _ => true,
        };
    }

    // `f(`, `a.in(`, `x[`: a call or an access; `in (`, `== [`: a group or a set.
    private static bool EndsOperand(LayoutToken? before, LayoutToken token) => token.Kind switch
    {
        TokenKind.Identifier => before?.Kind == TokenKind.Dot || !Words.Contains(token.Text),
        TokenKind.Number or TokenKind.String or TokenKind.Slot or TokenKind.CloseParen or TokenKind.CloseBracket
            or TokenKind.CloseBrace => true,
        _ => false,
    };
}
