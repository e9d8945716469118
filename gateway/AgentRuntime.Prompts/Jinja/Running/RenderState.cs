using System.Runtime.CompilerServices;
using System.Text;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>Names that are set; a loop's or macro's are gone when it ends. One rendering's.</summary>
internal sealed class RenderScope(RenderScope? outer)
{
    private readonly Dictionary<string, object?> _names = new(StringComparer.Ordinal);

    public void Set(string name, object? value) => _names[name] = value;

    public bool TryGet(string name, out object? value)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._names.TryGetValue(name, out value))
                return true;
        }

        value = null;
        return false;
    }

    private RenderScope? Outer => outer;
}

/// <summary>One rendering: its names, its text so far and what it has used. Not thread-safe.</summary>
internal sealed class RenderState(JinjaLimits limits, RenderScope globals)
{
    private readonly Stack<StringBuilder> _outputs = new([new()]);
    private int _steps;
    private int _calls;
    private long _made;

    public RenderScope Scope { get; set; } = new(globals);

    /// <summary>Counts an evaluation.</summary>
    /// <exception cref="JinjaException">There were too many.</exception>
    public void Step()
    {
        if (++_steps > limits.Steps)
            throw new JinjaException("the template takes too many steps");
        // A chain of operators of any length is a tree of that depth.
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new JinjaException("the template is nested too deeply");
    }

    /// <summary>Counts what is made.</summary>
    /// <exception cref="JinjaException">It is too much.</exception>
    public void Made(long characters)
    {
        if ((_made += characters) > limits.MadeCharacters)
            throw new JinjaException("the template makes too much text");
    }

    public string Made(string text)
    {
        Made(text.Length);
        return text;
    }

    public JinjaList Made(IReadOnlyList<object?> items)
    {
        Made(items.Count);
        return new(items);
    }

    public void Write(string text)
    {
        var output = _outputs.Peek();
        if (output.Length + text.Length > limits.OutputCharacters)
            throw new JinjaException("the template writes too much text");
        output.Append(text);
    }

    /// <summary>The text that something writes, instead of writing it.</summary>
    public string Capture(Action write)
    {
        _outputs.Push(new());
        try
        {
            write();
            return Made(_outputs.Peek().ToString());
        }
        finally
        {
            _outputs.Pop();
        }
    }

    /// <summary>Runs a macro's body under a scope of its own.</summary>
    public string Call(RenderScope scope, Action body)
    {
        if (++_calls > limits.Calls)
            throw new JinjaException("macros call each other too deeply");
        var caller = Scope;
        Scope = scope;
        try
        {
            return Capture(body);
        }
        finally
        {
            Scope = caller;
            _calls--;
        }
    }

    public string Result() => _outputs.Peek().ToString();
}
