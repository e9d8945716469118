namespace AgentRuntime.Prompts.Jinja;

/// <summary>The tokens of a template, one after the other. One parser's; not thread-safe.</summary>
internal sealed class TokenReader(List<TemplateToken> tokens, int nesting)
{
    private int _at;
    private int _depth;

    public TemplateToken Current => tokens[_at];

    public TemplateToken Next => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public TemplateToken Take() => tokens[_at < tokens.Count - 1 ? _at++ : _at];

    public bool Skip(string op)
    {
        if (!Current.IsOperator(op))
            return false;
        _at++;
        return true;
    }

    public bool SkipName(string name)
    {
        if (!Current.IsName(name))
            return false;
        _at++;
        return true;
    }

    public void Expect(string op)
    {
        if (!Skip(op))
            throw Wrong($"'{op}' is expected");
    }

    public void Expect(TokenKind kind)
    {
        if (Take().Kind != kind)
            throw Wrong($"{kind} is expected");
    }

    public string Name() => Current.Kind == TokenKind.Name ? Take().Text : throw Wrong("a name is expected");

    /// <summary>Goes a level deeper; the caller goes back up with <see cref="Leave"/>.</summary>
    public void Enter()
    {
        if (++_depth > nesting)
            throw Wrong("it is nested too deeply");
    }

    public void Leave() => _depth--;

    public JinjaException Wrong(string what) => new(
        $"line {Current.Line}: {what} near '{(Current.Text.Length > 40 ? Current.Text[..40] : Current.Text)}'");
}
