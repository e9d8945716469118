namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Gives each expression of a policy its type in one request environment; a port of the reference algorithm
/// (cedar-policy-core, validator/typecheck.rs). Single use per environment; recursion is bounded by the expression's
/// depth.
/// </summary>
internal sealed partial class TypeChecker(
    CedarSchema schema, SchemaFacts facts, bool strict, CedarPolicy policy, ValidationReport report)
{
    private static readonly CedarType[] EntityOrRecord = [AnyEntityType.Instance, RecordType.Any];
    private static readonly CedarType[] EntityOrSet = [new SetType(AnyEntityType.Instance), AnyEntityType.Instance];

    private readonly Dictionary<HasExpr, Expr> _expanded = [];
    private readonly Dictionary<Expr, CedarType?> _types = [];
    private RequestEnvironment _environment = null!;

    /// <summary>The type of the whole condition, which must be a bool.</summary>
    public TypeAnswer CheckCondition(RequestEnvironment environment, IReadOnlyList<Expr> conjuncts)
    {
        _environment = environment;
        _types.Clear();
        return CheckAnd(conjuncts, Capabilities.None);
    }

    /// <summary>Whether the last check looked at an expression; it passes over what a constant bool cuts off.</summary>
    public bool WasReached(Expr expr) => _types.ContainsKey(expr);

    /// <summary>The type that the last check gave an expression.</summary>
    public CedarType? TypeOf(Expr expr) => _types.GetValueOrDefault(expr);

    /// <summary>What `has a.b` stands for.</summary>
    public Expr Expand(HasExpr has)
    {
        if (_expanded.TryGetValue(has, out var known)) return known;
        var target = has.Target;
        var steps = new Expr[has.Path.Length];
        for (var i = 0; i < steps.Length; i++)
        {
            steps[i] = new HasExpr(target, [has.Path[i]]) { Start = has.Start, Length = has.Length };
            target = new AttributeExpr(target, has.Path[i]) { Start = has.Start, Length = has.Length };
        }

        return _expanded[has] = new LogicalExpr(isAnd: true, steps) { Start = has.Start, Length = has.Length };
    }

    private TypeAnswer Check(Expr expr, Capabilities prior)
    {
        var answer = CheckAnew(expr, prior);
        _types[expr] = answer.Type;
        return answer;
    }

    private TypeAnswer CheckAnew(Expr expr, Capabilities prior)
    {
        switch (expr)
        {
            case LiteralExpr literal: return CheckLiteral(literal.Value);
            case VariableExpr variable: return TypeAnswer.Success(_environment.TypeOf(variable.Variable));
            // A slot is compared with its variable only, so it may as well have the same type.
            case UnknownExpr { Name: "?principal" }: return TypeAnswer.Success(_environment.TypeOf(Variable.Principal));
            case UnknownExpr { Name: "?resource" }: return TypeAnswer.Success(_environment.TypeOf(Variable.Resource));
            case IfExpr choice: return CheckIf(choice, prior);
            case LogicalExpr { IsAnd: true } and: return CheckAnd(and.Operands, prior);
            case LogicalExpr or: return CheckOr(or.Operands, prior);
            case UnaryExpr unary: return CheckUnary(unary, prior);
            case BinaryExpr binary: return CheckBinary(binary, prior);
            case AttributeExpr attribute: return CheckAttribute(attribute, prior);
            case HasExpr has: return has.Path.Length == 1 ? CheckHas(has, prior) : Check(Expand(has), prior);
            case LikeExpr like:
                var text = Expect(like.Target, prior, StringType.Instance);
                return TypeAnswer.Success(BoolType.Any).After(text);
            case IsExpr @is: return CheckIs(@is, prior);
            case SetExpr set: return CheckSet(set, prior);
            case RecordExpr record: return CheckRecord(record, prior);
            case CallExpr call: return CheckCall(call, prior);
            default: return TypeAnswer.Fail();
        }
    }

    // Types and ids that the schema does not know are reported elsewhere, once a policy and not once an environment.
    private TypeAnswer CheckLiteral(CedarValue value)
    {
        switch (value.Kind)
        {
            case CedarValueKind.Bool: return TypeAnswer.Success(value.AsBool() ? BoolType.True : BoolType.False);
            case CedarValueKind.Long: return TypeAnswer.Success(LongType.Instance);
            case CedarValueKind.String: return TypeAnswer.Success(StringType.Instance);
            default:
                var uid = value.AsEntity();
                var known = SchemaFacts.IsAction(uid.Type)
                    ? schema.ActionInfos.ContainsKey(uid)
                    : schema.EntityTypeInfos.ContainsKey(uid.Type);
                return known ? TypeAnswer.Success(new EntityType(uid.Type)) : TypeAnswer.Fail();
        }
    }

    private TypeAnswer Expect(Expr expr, Capabilities prior, params ReadOnlySpan<CedarType> expected)
    {
        var answer = Check(expr, prior);
        if (answer.Type is not { } actual) return TypeAnswer.Fail();
        foreach (var type in expected)
            if (TypeRelations.IsSubtype(actual, type, strict: false)) return answer;
        var wanted = string.Join(", or ", expected.ToArray().Select(TypeText.Write));
        Report(expr, CedarValidationCodes.UnexpectedType,
            $"unexpected type: expected {wanted} but saw {TypeText.Write(actual)}");
        return TypeAnswer.Fail();
    }

    private TypeAnswer CheckIf(IfExpr choice, Capabilities prior)
    {
        var test = Expect(choice.Condition, prior, BoolType.Any);
        if (ReferenceEquals(test.Type, BoolType.True))
        {
            var taken = Check(choice.Then, prior.Union(test.Capabilities));
            if (taken.IsSuccess) taken = taken with { Capabilities = taken.Capabilities.Union(test.Capabilities) };
            return taken.After(test);
        }

        if (ReferenceEquals(test.Type, BoolType.False)) return Check(choice.Else, prior).After(test);
        var then = Check(choice.Then, prior.Union(test.Capabilities));
        if (then.IsSuccess) then = then with { Capabilities = then.Capabilities.Union(test.Capabilities) };
        var @else = Check(choice.Else, prior);
        var bound = Bound(choice, [then.Type, @else.Type]);
        var result = bound is null
            ? TypeAnswer.Fail()
            : TypeAnswer.Success(bound, @else.Capabilities.Intersect(then.Capabilities));
        return result.After(then).After(@else).After(test);
    }

    private TypeAnswer CheckAnd(IReadOnlyList<Expr> operands, Capabilities prior)
    {
        var left = Expect(operands[0], prior, BoolType.Any);
        for (var i = 1; i < operands.Count; i++)
        {
            if (ReferenceEquals(left.Type, BoolType.False))
                return TypeAnswer.Success(BoolType.False).After(left);
            var right = Expect(operands[i], prior.Union(left.Capabilities), BoolType.Any);
            left = JoinAnd(left, right).After(right).After(left);
        }

        return left;
    }

    private static TypeAnswer JoinAnd(TypeAnswer left, TypeAnswer right)
    {
        if (left.Type is null || right.Type is null) return TypeAnswer.Fail(BoolType.Any);
        if (ReferenceEquals(right.Type, BoolType.False)) return TypeAnswer.Success(BoolType.False);
        var both = left.Capabilities.Union(right.Capabilities);
        if (ReferenceEquals(right.Type, BoolType.True)) return TypeAnswer.Success(left.Type, both);
        return ReferenceEquals(left.Type, BoolType.True)
            ? TypeAnswer.Success(right.Type, right.Capabilities)
            : TypeAnswer.Success(BoolType.Any, both);
    }

    private TypeAnswer CheckOr(Expr[] operands, Capabilities prior)
    {
        var left = Expect(operands[0], prior, BoolType.Any);
        for (var i = 1; i < operands.Length; i++)
        {
            if (ReferenceEquals(left.Type, BoolType.True)) return left;
            var right = Expect(operands[i], prior, BoolType.Any);
            left = JoinOr(left, right).After(right).After(left);
        }

        return left;
    }

    private static TypeAnswer JoinOr(TypeAnswer left, TypeAnswer right)
    {
        if (left.Type is null || right.Type is null) return TypeAnswer.Fail(BoolType.Any);
        if (ReferenceEquals(right.Type, BoolType.True)) return TypeAnswer.Success(BoolType.True, right.Capabilities);
        if (ReferenceEquals(right.Type, BoolType.False)) return TypeAnswer.Success(left.Type, left.Capabilities);
        return ReferenceEquals(left.Type, BoolType.False)
            ? TypeAnswer.Success(right.Type, right.Capabilities)
            : TypeAnswer.Success(BoolType.Any, right.Capabilities.Intersect(left.Capabilities));
    }

    private TypeAnswer CheckUnary(UnaryExpr unary, Capabilities prior)
    {
        switch (unary.Operator)
        {
            case UnaryOperator.Negate:
                return TypeAnswer.Success(LongType.Instance).After(Expect(unary.Operand, prior, LongType.Instance));
            case UnaryOperator.IsEmpty:
                return TypeAnswer.Success(BoolType.Any).After(Expect(unary.Operand, prior, SetType.Any));
            default: return Negate(Expect(unary.Operand, prior, BoolType.Any));
        }
    }

    private static TypeAnswer Negate(TypeAnswer operand)
    {
        if (operand.Type is null) return TypeAnswer.Fail(BoolType.Any);
        var type = ReferenceEquals(operand.Type, BoolType.True) ? BoolType.False
            : ReferenceEquals(operand.Type, BoolType.False) ? BoolType.True
            : BoolType.Any;
        return TypeAnswer.Success(type).After(operand);
    }

    private CedarType? Bound(Expr at, IReadOnlyList<CedarType?> types)
    {
        if (types.Contains(null)) return null;
        var known = types.Select(t => t!).ToList();
        var bound = TypeRelations.LeastUpperBound(known, strict);
        if (bound is null) ReportIncompatible(at, known);
        return bound;
    }

    private void ReportIncompatible(Expr at, IEnumerable<CedarType> types) =>
        Report(at, CedarValidationCodes.IncompatibleTypes, $"the types {TypeText.Join(types)} are not compatible");

    private void Report(Expr at, string code, string message, string? suggestion = null) =>
        report.Add(policy, policy.PositionOf(at), code, message, suggestion);
}
