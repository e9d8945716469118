namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Evaluates what does not depend on anything unknown. What it returns means the same as the expression in every
/// completion of the request, errors included: `unknown &amp;&amp; false` stays, because the unknown part may fail.
/// </summary>
internal sealed class PartialEvaluator(CedarPartialRequest request, CedarEntities entities)
{
    private static readonly EntityUid Nobody = new("__Unknown", "");

    private readonly CedarRequest _known = new(
        request.Principal ?? Nobody, request.Action ?? Nobody, request.Resource ?? Nobody, request.Context);

    // Recursion is bounded by the expression's depth.
    public PartialResult Reduce(Expr expr)
    {
        switch (expr)
        {
            case LiteralExpr literal: return PartialResult.Known(literal.Value);
            case VariableExpr variable: return ReduceVariable(variable);
            case LogicalExpr logical: return ReduceLogical(logical);
            case IfExpr choice: return ReduceIf(choice);
            case AttributeExpr { Target: VariableExpr { Variable: Variable.Context } } attribute:
                return ReduceContext(attribute, attribute.Name);
            case HasExpr { Target: VariableExpr { Variable: Variable.Context } } has:
                return ReduceContext(has, has.Path[0]);
            case IsExpr @is when TypeOfUnknown(@is.Target) is { } type:
                return type == @is.EntityType ? ReduceIsIn(@is) : PartialResult.Known(CedarValue.False);
            case IsExpr { Ancestor: not null } @is: return ReduceIs(@is);
            case BinaryExpr { Operator: BinaryOperator.Equal or BinaryOperator.NotEqual } equal
                when DiffersInType(equal.Left, equal.Right) || DiffersInType(equal.Right, equal.Left):
                return PartialResult.Known(CedarValue.Bool(equal.Operator == BinaryOperator.NotEqual));
            default: return ReduceChildren(expr);
        }
    }

    private PartialResult ReduceVariable(VariableExpr variable) => variable.Variable switch
    {
        Variable.Principal when request.Principal is { } uid => PartialResult.Known(CedarValue.Entity(uid)),
        Variable.Action when request.Action is { } uid => PartialResult.Known(CedarValue.Entity(uid)),
        Variable.Resource when request.Resource is { } uid => PartialResult.Known(CedarValue.Entity(uid)),
        Variable.Context when !request.IsContextOpen && request.UnknownContext.Count == 0 =>
            PartialResult.Known(CedarValue.Record(request.Context)),
        _ => PartialResult.Open(variable),
    };

    private PartialResult ReduceContext(Expr expr, string name)
    {
        var isUnknown = request.UnknownContext.Contains(name)
            || (request.IsContextOpen && !request.Context.ContainsKey(name));
        return isUnknown ? PartialResult.Open(expr) : Evaluate(expr);
    }

    private string? TypeOfUnknown(Expr expr) => expr is not VariableExpr variable ? null : variable.Variable switch
    {
        Variable.Principal when request.Principal is null => request.PrincipalType,
        Variable.Resource when request.Resource is null => request.ResourceType,
        _ => null,
    };

    private bool DiffersInType(Expr unknown, Expr other) =>
        TypeOfUnknown(unknown) is { } type
        && Reduce(other) is { IsKnown: true, Value.Reference: EntityUid uid } && uid.Type != type;

    // What it is to be in is looked at only when the type is right.
    private PartialResult ReduceIs(IsExpr @is)
    {
        var target = Reduce(@is.Target);
        if (target.IsError) return target;
        if (target.Residual is not null)
            return PartialResult.Open(
                new IsExpr(target.Residual, @is.EntityType, Reduce(@is.Ancestor!).ToExpr(@is.Ancestor!)));
        return target.Value.Reference is EntityUid uid && uid.Type == @is.EntityType
            ? ReduceChildren(new BinaryExpr(BinaryOperator.In, new LiteralExpr(target.Value), @is.Ancestor!))
            : Evaluate(new IsExpr(new LiteralExpr(target.Value), @is.EntityType, null));
    }

    private PartialResult ReduceIsIn(IsExpr @is) => @is.Ancestor is null
        ? PartialResult.Known(CedarValue.True)
        : PartialResult.Open(new BinaryExpr(BinaryOperator.In, @is.Target, Reduce(@is.Ancestor).ToExpr(@is.Ancestor)));

    private PartialResult ReduceLogical(LogicalExpr logical)
    {
        var neutral = CedarValue.Bool(logical.IsAnd);
        var remaining = new List<Expr>();
        foreach (var operand in logical.Operands)
        {
            var result = Reduce(operand).AsBool();
            if (result.IsKnown && result.Value == neutral) continue;
            if (result.Residual is not null)
            {
                remaining.Add(result.Residual);
                continue;
            }

            // It ends here, false, true or failed, unless something before it is open.
            if (remaining.Count == 0) return result;
            remaining.Add(result.ToExpr(operand));
            break;
        }

        if (remaining.Count == 0) return PartialResult.Known(neutral);
        if (remaining.Count == 1 && IsBool(remaining[0])) return PartialResult.Open(remaining[0]);
        // Alone, an operand would lose the demand that it be a bool.
        if (remaining.Count == 1) remaining.Insert(0, new LiteralExpr(neutral));
        return PartialResult.Open(new LogicalExpr(logical.IsAnd, [.. remaining]));
    }

    private static bool IsBool(Expr expr) => expr switch
    {
        LogicalExpr or HasExpr or LikeExpr or IsExpr => true,
        LiteralExpr literal => literal.Value.Kind == CedarValueKind.Bool,
        UnaryExpr unary => unary.Operator != UnaryOperator.Negate,
        BinaryExpr binary => binary.Operator is not (BinaryOperator.Add or BinaryOperator.Subtract
            or BinaryOperator.Multiply or BinaryOperator.GetTag),
        CallExpr call => call.Function.ResultKind == CedarValueKind.Bool,
        _ => false,
    };

    private PartialResult ReduceIf(IfExpr choice)
    {
        var condition = Reduce(choice.Condition).AsBool();
        if (condition.IsError) return condition;
        if (condition.Residual is null) return Reduce(condition.Value == CedarValue.True ? choice.Then : choice.Else);
        var (then, @else) = (Reduce(choice.Then), Reduce(choice.Else));
        return PartialResult.Open(new IfExpr(condition.Residual, then.ToExpr(choice.Then), @else.ToExpr(choice.Else)));
    }

    private PartialResult ReduceChildren(Expr expr)
    {
        var children = PolicyExprs.Children(expr).ToArray();
        var reduced = new Expr[children.Length];
        var isOpen = expr is UnknownExpr;
        for (var i = 0; i < children.Length; i++)
        {
            var result = Reduce(children[i]);
            // The first to fail decides, when nothing before it is open.
            if (result.IsError && !isOpen) return result;
            isOpen |= result.Residual is not null || result.IsError;
            reduced[i] = result.ToExpr(children[i]);
        }

        var rebuilt = ExprRebuild.With(expr, reduced);
        return isOpen ? PartialResult.Open(rebuilt) : Evaluate(rebuilt);
    }

    private PartialResult Evaluate(Expr expr)
    {
        var evaluation = new Evaluation(_known, entities);
        var value = new NodeCompiler().Compile(expr).Evaluate(ref evaluation);
        return value.IsNone
            ? PartialResult.Failed(evaluation.ErrorKind, evaluation.ErrorMessage)
            : PartialResult.Known(value);
    }
}
