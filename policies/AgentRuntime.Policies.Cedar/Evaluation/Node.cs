namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A compiled expression. Errors are no value plus a note in the evaluation, never an exception: a policy that fails is
/// ordinary. Immutable and thread-safe.
/// </summary>
internal abstract class Node
{
    public abstract CedarValue Evaluate(ref Evaluation evaluation);

    public virtual Truth Test(ref Evaluation evaluation)
    {
        var value = Evaluate(ref evaluation);
        if (value.Kind == CedarValueKind.Bool) return value.Bits != 0 ? Truth.True : Truth.False;
        return value.IsNone ? Truth.Error : evaluation.FailTruth("bool", value);
    }
}

/// <summary>A node whose natural result is a truth.</summary>
internal abstract class TruthNode : Node
{
    public abstract override Truth Test(ref Evaluation evaluation);

    public sealed override CedarValue Evaluate(ref Evaluation evaluation) => Test(ref evaluation) switch
    {
        Truth.True => CedarValue.True,
        Truth.False => CedarValue.False,
        _ => default,
    };
}

internal sealed class ConstantNode(CedarValue value) : Node
{
    public CedarValue Value => value;

    public override CedarValue Evaluate(ref Evaluation evaluation) => value;
}

internal sealed class PrincipalNode : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation) => CedarValue.Entity(evaluation.Principal);
}

internal sealed class ActionNode : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation) => CedarValue.Entity(evaluation.Action);
}

internal sealed class ResourceNode : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation) => CedarValue.Entity(evaluation.Resource);
}

internal sealed class ContextNode : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation) => CedarValue.Record(evaluation.Context);
}

internal sealed class UnknownNode(string name) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation) =>
        evaluation.Fail(CedarErrorKind.Unknown, $"`{name}` is not known");
}

internal sealed class IfNode(Node condition, Node then, Node @else) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation) => condition.Test(ref evaluation) switch
    {
        Truth.True => then.Evaluate(ref evaluation),
        Truth.False => @else.Evaluate(ref evaluation),
        _ => default,
    };
}

internal sealed class AndNode(Node[] operands) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        foreach (var operand in operands)
        {
            var truth = operand.Test(ref evaluation);
            if (truth != Truth.True) return truth;
        }

        return Truth.True;
    }
}

internal sealed class OrNode(Node[] operands) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        foreach (var operand in operands)
        {
            var truth = operand.Test(ref evaluation);
            if (truth != Truth.False) return truth;
        }

        return Truth.False;
    }
}

internal sealed class NotNode(Node operand) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation) => operand.Test(ref evaluation) switch
    {
        Truth.True => Truth.False,
        Truth.False => Truth.True,
        _ => Truth.Error,
    };
}
