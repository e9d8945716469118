namespace AgentRuntime.Prompts.Jinja;

/// <summary>How a statement ended.</summary>
internal enum Flow : byte
{
    Next = 1,
    Break = 2,
    Continue = 3,
}

/// <summary>A statement of a template. Immutable.</summary>
internal abstract class Statement
{
    public abstract Flow Run(RenderState state);
}

internal sealed class Block(IReadOnlyList<Statement> statements) : Statement
{
    public override Flow Run(RenderState state)
    {
        foreach (var statement in statements)
        {
            state.Step();
            if (statement.Run(state) is not Flow.Next and var flow)
                return flow;
        }

        return Flow.Next;
    }
}

internal sealed class DataStatement(string text) : Statement
{
    public override Flow Run(RenderState state)
    {
        state.Write(text);
        return Flow.Next;
    }
}

internal sealed class PrintStatement(Expression expression) : Statement
{
    public override Flow Run(RenderState state)
    {
        state.Write(Python.Text(expression.Evaluate(state)));
        return Flow.Next;
    }
}

internal sealed class IfStatement(
    IReadOnlyList<(Expression Condition, Statement Body)> branches, Statement? otherwise) : Statement
{
    public override Flow Run(RenderState state)
    {
        foreach (var (condition, body) in branches)
        {
            if (Operations.IsTrue(condition.Evaluate(state)))
                return body.Run(state);
        }

        return otherwise?.Run(state) ?? Flow.Next;
    }
}

/// <summary>What a value is given to: a name, names in a tuple, or a namespace's member.</summary>
internal abstract class AssignmentTarget
{
    public abstract void Assign(RenderState state, object? value);
}

internal sealed class NameTarget(string name) : AssignmentTarget
{
    public override void Assign(RenderState state, object? value) => state.Scope.Set(name, value);
}

internal sealed class MemberTarget(string name, string member) : AssignmentTarget
{
    public override void Assign(RenderState state, object? value)
    {
        if (!state.Scope.TryGet(name, out var target) || target is not JinjaNamespace space)
            throw new JinjaException("cannot assign attribute on non-namespace object");
        space.Members[member] = value;
    }
}

internal sealed class TupleTarget(IReadOnlyList<AssignmentTarget> targets) : AssignmentTarget
{
    public override void Assign(RenderState state, object? value)
    {
        var items = Operations.Items(value);
        if (items.Count != targets.Count)
            throw new JinjaException($"{items.Count} values cannot be given to {targets.Count} names");
        for (var i = 0; i < items.Count; i++)
            targets[i].Assign(state, items[i]);
    }
}

internal sealed class SetStatement(AssignmentTarget target, Expression value) : Statement
{
    public override Flow Run(RenderState state)
    {
        target.Assign(state, value.Evaluate(state));
        return Flow.Next;
    }
}

/// <summary><c>set</c> or <c>filter</c> around a block: its text, through filters.</summary>
internal sealed class CaptureStatement(AssignmentTarget? target, Func<Expression, Expression> filter, Statement body)
    : Statement
{
    public override Flow Run(RenderState state)
    {
        var outer = state.Scope;
        state.Scope = new(outer);
        var text = state.Capture(() => body.Run(state));
        state.Scope = outer;
        var value = filter(new Constant(text)).Evaluate(state);
        if (target is null)
            state.Write(Python.Text(value));
        else
            target.Assign(state, value);
        return Flow.Next;
    }
}

internal sealed class FlowStatement(Flow flow) : Statement
{
    public override Flow Run(RenderState state) => flow;
}

internal sealed class ForStatement(
    AssignmentTarget target, Expression items, Expression? condition, Statement body, Statement? otherwise) : Statement
{
    public override Flow Run(RenderState state)
    {
        var outer = state.Scope;
        var all = Operations.Items(items.Evaluate(state));
        if (condition is not null)
        {
            all = [.. all.Where(item =>
            {
                state.Scope = new(outer);
                target.Assign(state, item);
                return Operations.IsTrue(condition.Evaluate(state));
            })];
            state.Scope = outer;
        }

        var loop = new LoopState(all);
        foreach (var item in all)
        {
            state.Step();
            state.Scope = new(outer);
            state.Scope.Set("loop", loop);
            target.Assign(state, item);
            var flow = body.Run(state);
            loop.Next();
            if (flow == Flow.Break)
                break;
        }

        state.Scope = outer;
        return all.Count == 0 ? otherwise?.Run(state) ?? Flow.Next : Flow.Next;
    }
}

internal sealed class MacroStatement(
    string name, IReadOnlyList<(string Name, Expression? Default)> parameters, Statement body) : Statement
{
    public override Flow Run(RenderState state)
    {
        var defined = state.Scope;
        state.Scope.Set(name, new JinjaCallable(name, arguments => Call(state, defined, arguments)));
        return Flow.Next;
    }

    private string Call(RenderState state, RenderScope defined, JinjaArguments arguments)
    {
        if (arguments.Positional.Count > parameters.Count
            || arguments.Named.Keys.Any(n => parameters.All(p => p.Name != n)))
            throw new JinjaException($"macro '{name}' is called with arguments that it does not have");
        var scope = new RenderScope(defined);
        return state.Call(scope, () =>
        {
            for (var i = 0; i < parameters.Count; i++)
            {
                var (parameter, otherwise) = parameters[i];
                scope.Set(parameter, arguments.Has(i, parameter)
                    ? arguments.Get(i, parameter)
                    : otherwise is null ? new JinjaUndefined($"parameter '{parameter}'") : otherwise.Evaluate(state));
            }

            body.Run(state);
        });
    }
}
