namespace AgentRuntime.Prompts.Jinja;

/// <summary>
/// A chat template in the part of Jinja2 3.1 that Hugging Face's templates use, as transformers renders them:
/// <c>trim_blocks</c>, <c>lstrip_blocks</c>, loop controls, <c>tojson</c>, <c>raise_exception</c>,
/// <c>strftime_now</c>, <c>{% generation %}</c>. It is interpreted and reaches nothing but the values it is given; its
/// time, text and nesting are bounded. Thread-safe.
/// </summary>
internal sealed class JinjaTemplate
{
    private readonly Statement _body;
    private readonly JinjaLimits _limits;
    private readonly TimeProvider _time;

    private JinjaTemplate(Statement body, JinjaLimits limits, TimeProvider time)
    {
        _body = body;
        _limits = limits;
        _time = time;
    }

    /// <exception cref="JinjaException">The template cannot be read.</exception>
    public static JinjaTemplate Parse(string source, TimeProvider time, JinjaLimits? limits = null)
    {
        limits ??= new();
        if (source.Length > limits.SourceCharacters)
            throw new JinjaException("the template is too long");
        return new(new TemplateParser(source, limits).Template(), limits, time);
    }

    /// <summary>The text that the template makes of some values.</summary>
    /// <exception cref="JinjaException">It fails, refuses the values or needs too much.</exception>
    public string Render(IEnumerable<KeyValuePair<string, object?>> values)
    {
        RenderState? state = null;
        state = new(_limits, Globals.Create(() => state!, _time));
        foreach (var (name, value) in values)
            state.Scope.Set(name, value);
        _body.Run(state);
        return state.Result();
    }
}
