namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Walks over policies: the condition with its scope as expressions, and every entity and type that it names.
/// </summary>
internal static class PolicyExprs
{
    /// <summary>The scope's three constraints followed by the conditions, all of which must hold.</summary>
    public static List<Expr> Conjuncts(CedarPolicy policy)
    {
        var conjuncts = new List<Expr>
        {
            FromScope(policy.Principal, Variable.Principal),
            FromScope(policy.Action, Variable.Action),
            FromScope(policy.Resource, Variable.Resource),
        };
        foreach (var condition in policy.Conditions)
            conjuncts.Add(condition.IsUnless ? new UnaryExpr(UnaryOperator.Not, condition.Body) : condition.Body);
        return conjuncts;
    }

    /// <summary>Every expression below one, itself first; with its own stack, in no particular order.</summary>
    public static IEnumerable<Expr> Descendants(Expr root)
    {
        var waiting = new Stack<Expr>();
        waiting.Push(root);
        while (waiting.TryPop(out var expr))
        {
            yield return expr;
            foreach (var child in Children(expr)) waiting.Push(child);
        }
    }

    public static IEnumerable<Expr> Children(Expr expr) => expr switch
    {
        IfExpr choice => [choice.Condition, choice.Then, choice.Else],
        LogicalExpr logical => logical.Operands,
        UnaryExpr unary => [unary.Operand],
        BinaryExpr binary => [binary.Left, binary.Right],
        AttributeExpr attribute => [attribute.Target],
        HasExpr has => [has.Target],
        LikeExpr like => [like.Target],
        IsExpr { Ancestor: null } @is => [@is.Target],
        IsExpr @is => [@is.Target, @is.Ancestor],
        SetExpr set => set.Members,
        RecordExpr record => record.Values,
        CallExpr call => call.Arguments,
        _ => [],
    };

    /// <summary>Every entity that a policy names, with where; null is the head.</summary>
    public static IEnumerable<(EntityUid Uid, Expr? At)> Uids(CedarPolicy policy)
    {
        foreach (var scope in new[] { policy.Principal, policy.Action, policy.Resource })
            foreach (var uid in scope.Entities) yield return (uid, null);
        foreach (var condition in policy.Conditions)
            foreach (var expr in Descendants(condition.Body))
                if (expr is LiteralExpr { Value.Kind: CedarValueKind.Entity } literal)
                    yield return (literal.Value.AsEntity(), expr);
    }

    /// <summary>Every entity type that a policy names, with where.</summary>
    public static IEnumerable<(string Type, Expr? At)> Types(CedarPolicy policy)
    {
        foreach (var (uid, at) in Uids(policy)) yield return (uid.Type, at);
        foreach (var scope in new[] { policy.Principal, policy.Resource })
            if (scope.EntityType is not null) yield return (scope.EntityType, null);
        foreach (var condition in policy.Conditions)
            foreach (var expr in Descendants(condition.Body))
                if (expr is IsExpr @is) yield return (@is.EntityType, expr);
    }

    private static Expr FromScope(CedarScope scope, Variable variable)
    {
        var subject = new VariableExpr(variable);
        if (scope.Operator == CedarScopeOperator.Any) return new LiteralExpr(CedarValue.True);
        if (scope.Operator == CedarScopeOperator.Is) return new IsExpr(subject, scope.EntityType!, null);
        var target = scope.HasSlot ? new UnknownExpr($"?{Operators.Name(variable)}") : Target(scope, variable);
        return scope.Operator switch
        {
            CedarScopeOperator.Equal => new BinaryExpr(BinaryOperator.Equal, subject, target),
            CedarScopeOperator.In => new BinaryExpr(BinaryOperator.In, subject, target),
            _ => new IsExpr(subject, scope.EntityType!, target),
        };
    }

    private static Expr Target(CedarScope scope, Variable variable)
    {
        var literals = scope.Entities.Select(e => (Expr)new LiteralExpr(CedarValue.Entity(e))).ToArray();
        // An action is always `in` a set, also when only one is written.
        return variable == Variable.Action
            && scope.Operator == CedarScopeOperator.In ? new SetExpr(literals) : literals[0];
    }
}
