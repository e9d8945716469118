namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// An expression of the same form with other children, in the order of <see cref="PolicyExprs.Children"/>.
/// </summary>
internal static class ExprRebuild
{
    public static Expr With(Expr expr, Expr[] children) => expr switch
    {
        IfExpr => new IfExpr(children[0], children[1], children[2]),
        LogicalExpr logical => new LogicalExpr(logical.IsAnd, children),
        UnaryExpr unary => new UnaryExpr(unary.Operator, children[0]),
        BinaryExpr binary => new BinaryExpr(binary.Operator, children[0], children[1]),
        AttributeExpr attribute => new AttributeExpr(children[0], attribute.Name),
        HasExpr has => new HasExpr(children[0], has.Path),
        LikeExpr like => new LikeExpr(children[0], like.Pattern),
        IsExpr @is => new IsExpr(children[0], @is.EntityType, children.Length > 1 ? children[1] : null),
        SetExpr => new SetExpr(children),
        RecordExpr record => new RecordExpr(record.Keys, children),
        CallExpr call => new CallExpr(call.Function, children),
        _ => expr,
    };
}
