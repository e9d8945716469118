namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Turns expressions into nodes and folds what depends on no variable. Equal expressions share one node, so that a
/// large set of similar policies stays small and in the processor's cache. One per policy set, single thread;
/// recursion is bounded by the parser.
/// </summary>
internal sealed class NodeCompiler
{
    private readonly Dictionary<NodeKey, Node> _nodes = [];

    private static readonly CedarRequest NoRequest =
        new(new EntityUid("None", ""), new EntityUid("Action", ""), new EntityUid("None", ""), CedarRecord.Empty);

    public Node Compile(Expr expr)
    {
        switch (expr)
        {
            case LiteralExpr literal:
                return Share(new(typeof(ConstantNode), literal.Value), new ConstantNode(literal.Value));
            case UnknownExpr unknown: return new UnknownNode(unknown.Name);
            case VariableExpr variable: return Compile(variable.Variable);
            case IfExpr choice:
                var condition = Compile(choice.Condition);
                var (then, @else) = (Compile(choice.Then), Compile(choice.Else));
                return Share(
                    new(typeof(IfNode), condition, then, @else),
                    Fold(new IfNode(condition, then, @else), condition, then, @else));
            case LogicalExpr logical:
                var operands = CompileAll(logical.Operands);
                var type = logical.IsAnd ? typeof(AndNode) : typeof(OrNode);
                Node chain = logical.IsAnd ? new AndNode(operands) : new OrNode(operands);
                return Share(new(type, new KeyList<Node>(operands)), Fold(chain, operands));
            case UnaryExpr unary: return Compile(unary);
            case BinaryExpr binary: return Compile(binary);
            case AttributeExpr attribute:
                var target = Compile(attribute.Target);
                var isRecord = target is ConstantNode { Value.Reference: CedarRecord };
                return Share(
                    new(typeof(AttributeNode), target, attribute.Name),
                    Fold(new AttributeNode(target, attribute.Name), isRecord));
            case HasExpr has:
                var subject = Compile(has.Target);
                var isConstant = subject is ConstantNode { Value.Reference: CedarRecord } && has.Path.Length == 1;
                return Share(
                    new(typeof(HasNode), subject, new KeyList<string>(has.Path)),
                    Fold(new HasNode(subject, has.Path), isConstant));
            case LikeExpr like:
                var text = Compile(like.Target);
                return Share(new(typeof(LikeNode), text, like.Pattern), Fold(new LikeNode(text, like.Pattern), text));
            case IsExpr @is:
                var (subjectOf, within) = (Compile(@is.Target), @is.Ancestor is null ? null : Compile(@is.Ancestor));
                return Share(
                    new(typeof(IsNode), subjectOf, @is.EntityType, within),
                    new IsNode(subjectOf, @is.EntityType, within));
            case SetExpr set:
                var members = CompileAll(set.Members);
                return Share(new(typeof(SetNode), new KeyList<Node>(members)), Fold(new SetNode(members), members));
            case RecordExpr record:
                var values = CompileAll(record.Values);
                return Fold(new RecordNode(record.Keys, values), values);
            case CallExpr call:
                var arguments = CompileAll(call.Arguments);
                return Share(
                    new(typeof(ExtensionNode), call.Function, new KeyList<Node>(arguments)),
                    Fold(new ExtensionNode(call.Function, arguments), arguments));
            default: throw new InvalidOperationException($"No node for {expr.GetType().Name}.");
        }
    }

    private Node Share(NodeKey key, Node node)
    {
        if (_nodes.TryGetValue(key, out var known)) return known;
        _nodes.Add(key, node);
        return node;
    }

    private Node Compile(Variable variable) => variable switch
    {
        Variable.Principal => Share(new(typeof(PrincipalNode)), new PrincipalNode()),
        Variable.Action => Share(new(typeof(ActionNode)), new ActionNode()),
        Variable.Resource => Share(new(typeof(ResourceNode)), new ResourceNode()),
        _ => Share(new(typeof(ContextNode)), new ContextNode()),
    };

    private Node Compile(UnaryExpr unary)
    {
        var operand = Compile(unary.Operand);
        Node node = unary.Operator switch
        {
            UnaryOperator.Not => new NotNode(operand),
            UnaryOperator.Negate => new NegateNode(operand),
            _ => new IsEmptyNode(operand),
        };
        return Share(new(node.GetType(), operand), Fold(node, operand));
    }

    private Node Compile(BinaryExpr binary)
    {
        var (left, right) = (Compile(binary.Left), Compile(binary.Right));
        switch (binary.Operator)
        {
            // These read the entity store, so they are never constant.
            case BinaryOperator.In: return Share(new(typeof(InNode), left, right), new InNode(left, right));
            case BinaryOperator.GetTag: return Share(new(typeof(GetTagNode), left, right), new GetTagNode(left, right));
            case BinaryOperator.HasTag: return Share(new(typeof(HasTagNode), left, right), new HasTagNode(left, right));
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
        return Share(new(node.GetType(), left, right, binary.Operator), Fold(node, left, right));
    }

    private Node[] CompileAll(Expr[] exprs)
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

    /// <summary>What makes two nodes the same: kind, children by reference, and constants by value.</summary>
    private readonly record struct NodeKey(
        Type Kind, object? First = null, object? Second = null, object? Third = null);

    /// <summary>Several as one part of a key: two are the same when they have the same members in order.</summary>
    private sealed class KeyList<T>(T[] members) : IEquatable<KeyList<T>>
    {
        private readonly T[] _members = members;

        public bool Equals(KeyList<T>? other) => other is not null && _members.AsSpan().SequenceEqual(other._members);

        public override bool Equals(object? obj) => Equals(obj as KeyList<T>);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach (var member in _members) hash.Add(member);
            return hash.ToHashCode();
        }
    }
}
