namespace AgentRuntime.Policies.Cedar;

/// <summary>Turns expressions into nodes and folds what depends on no variable. Recursion is bounded by the parser.</summary>
internal static class NodeCompiler
{
    private static readonly CedarRequest NoRequest =
        new(new EntityUid("None", ""), new EntityUid("Action", ""), new EntityUid("None", ""), CedarRecord.Empty);

    public static Node Compile(Expr expr)
    {
        switch (expr)
        {
            case LiteralExpr literal: return new ConstantNode(literal.Value);
            case UnknownExpr unknown: return new UnknownNode(unknown.Name);
            case VariableExpr variable: return Compile(variable.Variable);
            case IfExpr choice:
                var condition = Compile(choice.Condition);
                var (then, @else) = (Compile(choice.Then), Compile(choice.Else));
                return Fold(new IfNode(condition, then, @else), condition, then, @else);
            case LogicalExpr logical:
                var operands = CompileAll(logical.Operands);
                return Fold(logical.IsAnd ? new AndNode(operands) : new OrNode(operands), operands);
            case UnaryExpr unary: return Compile(unary);
            case BinaryExpr binary: return Compile(binary);
            case AttributeExpr attribute:
                var target = Compile(attribute.Target);
                return Fold(new AttributeNode(target, attribute.Name), target is ConstantNode { Value.Reference: CedarRecord });
            case HasExpr has:
                var subject = Compile(has.Target);
                return Fold(new HasNode(subject, has.Path), subject is ConstantNode { Value.Reference: CedarRecord } && has.Path.Length == 1);
            case LikeExpr like:
                var text = Compile(like.Target);
                return Fold(new LikeNode(text, like.Pattern), text);
            case IsExpr @is:
                return new IsNode(
                    Compile(@is.Target), @is.EntityType, @is.Ancestor is null ? null : Compile(@is.Ancestor));
            case SetExpr set:
                var members = CompileAll(set.Members);
                return Fold(new SetNode(members), members);
            case RecordExpr record:
                var values = CompileAll(record.Values);
                return Fold(new RecordNode(record.Keys, values), values);
            case CallExpr call:
                var arguments = CompileAll(call.Arguments);
                return Fold(new ExtensionNode(call.Function, arguments), arguments);
            default: throw new InvalidOperationException($"No node for {expr.GetType().Name}.");
        }
    }

    private static Node Compile(Variable variable) => variable switch
    {
        Variable.Principal => new PrincipalNode(),
        Variable.Action => new ActionNode(),
        Variable.Resource => new ResourceNode(),
        _ => new ContextNode(),
    };

    private static Node Compile(UnaryExpr unary)
    {
        var operand = Compile(unary.Operand);
        Node node = unary.Operator switch
        {
            UnaryOperator.Not => new NotNode(operand),
            UnaryOperator.Negate => new NegateNode(operand),
            _ => new IsEmptyNode(operand),
        };
        return Fold(node, operand);
    }

    private static Node Compile(BinaryExpr binary)
    {
        var (left, right) = (Compile(binary.Left), Compile(binary.Right));
        switch (binary.Operator)
        {
            // These read the entity store, so they are never constant.
            case BinaryOperator.In: return new InNode(left, right);
            case BinaryOperator.GetTag: return new GetTagNode(left, right);
            case BinaryOperator.HasTag: return new HasTagNode(left, right);
            default: break;
        }

        Node node = binary.Operator switch
        {
            BinaryOperator.Equal => new EqualNode(left, right, negated: false),
            BinaryOperator.NotEqual => new EqualNode(left, right, negated: true),
            BinaryOperator.Add or BinaryOperator.Subtract or BinaryOperator.Multiply =>
                new ArithmeticNode(binary.Operator, left, right),
            BinaryOperator.Contains => new ContainsNode(left, right),
            BinaryOperator.ContainsAll => new ContainsSetNode(left, right, all: true),
            BinaryOperator.ContainsAny => new ContainsSetNode(left, right, all: false),
            _ => new CompareNode(binary.Operator, left, right),
        };
        return Fold(node, left, right);
    }

    private static Node[] CompileAll(Expr[] exprs)
    {
        var nodes = new Node[exprs.Length];
        for (var i = 0; i < exprs.Length; i++) nodes[i] = Compile(exprs[i]);
        return nodes;
    }

    private static Node Fold(Node node, params ReadOnlySpan<Node> children)
    {
        foreach (var child in children)
            if (child is not ConstantNode) return node;
        return Fold(node, isConstant: true);
    }

    // What fails stays as it is, so that it fails at each request with its own message.
    private static Node Fold(Node node, bool isConstant)
    {
        if (!isConstant) return node;
        var evaluation = new Evaluation(NoRequest, CedarEntities.Empty);
        var value = node.Evaluate(ref evaluation);
        return value.IsNone ? node : new ConstantNode(value);
    }
}
