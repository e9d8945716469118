namespace AgentRuntime.Prompts.Jinja;

/// <summary>An expression of a template. Immutable.</summary>
internal abstract class Expression
{
    public object? Evaluate(RenderState state)
    {
        state.Step();
        return Value(state);
    }

    protected abstract object? Value(RenderState state);
}

internal sealed class Constant(object? value) : Expression
{
    public object? Literal => value;

    protected override object? Value(RenderState state) => value;
}

internal sealed class NameReference(string name) : Expression
{
    public string Name => name;

    protected override object? Value(RenderState state) =>
        state.Scope.TryGet(name, out var value) ? value : new JinjaUndefined($"'{name}'");
}

internal sealed class ListLiteral(IReadOnlyList<Expression> items, bool isTuple) : Expression
{
    public IReadOnlyList<Expression> Items => items;

    protected override object? Value(RenderState state) =>
        new JinjaList([.. items.Select(i => i.Evaluate(state))], isTuple);
}

internal sealed class MapLiteral(IReadOnlyList<(Expression Key, Expression Value)> entries) : Expression
{
    protected override object? Value(RenderState state) => entries.Aggregate(
        new JinjaMap(), (map, entry) => map.With(Members.Key(entry.Key.Evaluate(state)), entry.Value.Evaluate(state)));
}

internal sealed class MemberAccess(Expression target, string name) : Expression
{
    protected override object? Value(RenderState state) => Members.Attribute(state, target.Evaluate(state), name);
}

internal sealed class ItemAccess(Expression target, Expression key) : Expression
{
    protected override object? Value(RenderState state) =>
        Members.Item(state, target.Evaluate(state), key.Evaluate(state));
}

internal sealed class SliceAccess(Expression target, Expression? start, Expression? stop, Expression? step) : Expression
{
    protected override object? Value(RenderState state) => Slices.Of(
        state, target.Evaluate(state), start?.Evaluate(state), stop?.Evaluate(state), step?.Evaluate(state));
}

/// <summary>The arguments of a call as they are written. Immutable.</summary>
internal sealed record ArgumentList(
    IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named)
{
    public static ArgumentList Empty { get; } = new([], []);

    public JinjaArguments Evaluate(RenderState state) => Positional.Count + Named.Count == 0
        ? JinjaArguments.Empty
        : new(
        [.. Positional.Select(p => p.Evaluate(state))],
        Named.ToDictionary(n => n.Name, n => n.Value.Evaluate(state), StringComparer.Ordinal));
}

internal sealed class CallExpression(Expression target, ArgumentList arguments) : Expression
{
    protected override object? Value(RenderState state) => target.Evaluate(state) switch
    {
        JinjaCallable callable => callable.Call(arguments.Evaluate(state)),
        JinjaUndefined undefined => throw undefined.Error(),
        _ => throw new JinjaException("what is called is no function"),
    };
}

/// <summary><c>target | name(…)</c>; without a target it takes the text of a block.</summary>
internal sealed class FilterExpression(Expression target, string name, ArgumentList arguments) : Expression
{
    protected override object? Value(RenderState state) =>
        Filters.Apply(state, name, target.Evaluate(state), arguments.Evaluate(state));
}

internal sealed class TestExpression(Expression target, string name, ArgumentList arguments) : Expression
{
    protected override object? Value(RenderState state) =>
        Tests.Apply(name, target.Evaluate(state), arguments.Evaluate(state));
}

internal sealed class UnaryExpression(string op, Expression operand) : Expression
{
    protected override object? Value(RenderState state) => op == "not"
        ? !Operations.IsTrue(operand.Evaluate(state))
        : Operations.Sign(operand.Evaluate(state), op == "-");
}

internal sealed class LogicalExpression(bool isAnd, Expression left, Expression right) : Expression
{
    protected override object? Value(RenderState state)
    {
        var first = left.Evaluate(state);
        return Operations.IsTrue(first) == isAnd ? right.Evaluate(state) : first;
    }
}

internal sealed class BinaryExpression(string op, Expression left, Expression right) : Expression
{
    protected override object? Value(RenderState state) =>
        Operations.Apply(state, op, left.Evaluate(state), right.Evaluate(state));
}

/// <summary><c>a &lt; b == c</c>: each neighbour is compared, until one comparison fails.</summary>
internal sealed class Comparison(Expression first, IReadOnlyList<(string Operator, Expression Operand)> rest)
    : Expression
{
    protected override object? Value(RenderState state)
    {
        var left = first.Evaluate(state);
        foreach (var (op, operand) in rest)
        {
            var right = operand.Evaluate(state);
            if (!Operations.Compare(op, left, right))
                return false;
            left = right;
        }

        return true;
    }
}

internal sealed class Conditional(Expression condition, Expression then, Expression? otherwise) : Expression
{
    protected override object? Value(RenderState state) => Operations.IsTrue(condition.Evaluate(state))
        ? then.Evaluate(state)
        : otherwise is null
            ? new JinjaUndefined("the inline if-expression evaluated to false and no else section was defined; it")
            : otherwise.Evaluate(state);
}

/// <summary>Stands for the text of a block among its filters.</summary>
internal sealed class CapturedText : Expression
{
    protected override object? Value(RenderState state) =>
        state.Scope.TryGet(Name, out var text) ? text : throw new JinjaException("no block was captured");

    /// <summary>A name that no template can spell.</summary>
    public const string Name = "captured text";
}

/// <summary>A block's filters, with its text.</summary>
internal sealed class WithCaptured(Expression captured, Expression chain) : Expression
{
    protected override object? Value(RenderState state)
    {
        var outer = state.Scope;
        var text = captured.Evaluate(state);
        state.Scope = new(outer);
        state.Scope.Set(CapturedText.Name, text);
        var result = chain.Evaluate(state);
        state.Scope = outer;
        return result;
    }
}
