namespace AgentRuntime.Policies.Cedar;

internal enum TokenKind : byte
{
    None = 0,
    End,
    Unknown,
    Unterminated,
    Identifier,
    Number,
    String,
    Slot,
    At, Dot, Comma, Semicolon, Colon, DoubleColon, Question,
    OpenParen, CloseParen, OpenBrace, CloseBrace, OpenBracket, CloseBracket,
    Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, Assign,
    Or, And, Plus, Minus, Star, Slash, Percent, Not,
}

internal readonly record struct Token(TokenKind Kind, int Start, int Length)
{
    public int End => Start + Length;
}
