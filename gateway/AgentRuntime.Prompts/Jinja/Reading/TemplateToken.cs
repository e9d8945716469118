namespace AgentRuntime.Prompts.Jinja;

internal enum TokenKind : byte
{
    /// <summary>Text between tags.</summary>
    Data = 1,

    /// <summary><c>{{</c></summary>
    PrintBegin = 2,

    /// <summary><c>}}</c></summary>
    PrintEnd = 3,

    /// <summary><c>{%</c></summary>
    BlockBegin = 4,

    /// <summary><c>%}</c></summary>
    BlockEnd = 5,
    Name = 6,
    Text = 7,
    Integer = 8,
    Real = 9,
    Operator = 10,
    End = 11,
}

/// <summary>A piece of a template. Immutable.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text; of a string literal, what it stands for.</param>
/// <param name="Line">Its line, from 1.</param>
internal readonly record struct TemplateToken(TokenKind Kind, string Text, int Line)
{
    public bool Is(TokenKind kind, string text) => Kind == kind && Text == text;

    public bool IsOperator(string text) => Is(TokenKind.Operator, text);

    public bool IsName(string text) => Is(TokenKind.Name, text);
}
