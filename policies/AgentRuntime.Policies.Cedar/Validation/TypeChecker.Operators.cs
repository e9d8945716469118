namespace AgentRuntime.Policies.Cedar;

internal sealed partial class TypeChecker
{
    private TypeAnswer CheckBinary(BinaryExpr binary, Capabilities prior)
    {
        switch (binary.Operator)
        {
            case BinaryOperator.Equal: return CheckEqual(binary, prior);
            case BinaryOperator.NotEqual:
                return Negate(CheckEqual(binary, prior));
            case BinaryOperator.Less or BinaryOperator.LessEqual
                or BinaryOperator.Greater or BinaryOperator.GreaterEqual:
                return CheckComparison(binary, prior);
            case BinaryOperator.Add or BinaryOperator.Subtract or BinaryOperator.Multiply:
                var first = Expect(binary.Left, prior, LongType.Instance);
                var second = Expect(binary.Right, prior, LongType.Instance);
                return TypeAnswer.Success(LongType.Instance).After(second).After(first);
            case BinaryOperator.In: return CheckIn(binary, binary.Left, binary.Right, prior);
            case BinaryOperator.Contains:
                var set = Expect(binary.Left, prior, SetType.Any);
                var member = Check(binary.Right, prior);
                return EnforceStrict(binary, BoolType.Any, (set.Type as SetType)?.Element, member.Type)
                    .After(member).After(set);
            case BinaryOperator.ContainsAll or BinaryOperator.ContainsAny:
                var left = Expect(binary.Left, prior, SetType.Any);
                var right = Expect(binary.Right, prior, SetType.Any);
                return EnforceStrict(binary, BoolType.Any, left.Type, right.Type).After(right).After(left);
            case BinaryOperator.HasTag: return CheckHasTag(binary, prior);
            default: return CheckGetTag(binary, prior);
        }
    }

    private TypeAnswer CheckEqual(BinaryExpr equal, Capabilities prior)
    {
        var left = Check(equal.Left, prior);
        var right = Check(equal.Right, prior);
        var type = TypeOfEquality(equal, left.Type, right.Type);
        return EnforceStrict(equal, type, left.Type, right.Type).After(right).After(left);
    }

    private BoolType TypeOfEquality(BinaryExpr equal, CedarType? left, CedarType? right)
    {
        if (left is not null && right is not null && TypeRelations.AreDisjoint(left, right)) return BoolType.False;
        if (LiteralOf(equal.Left) is { } one && LiteralOf(equal.Right) is { } two)
            return one == two ? BoolType.True : BoolType.False;
        return BoolType.Any;
    }

    // The action of an environment is known, so the variable counts as a literal.
    private CedarValue? LiteralOf(Expr expr) => expr switch
    {
        LiteralExpr literal => literal.Value,
        VariableExpr { Variable: Variable.Action } => CedarValue.Entity(_environment.Action.Uid),
        _ => (CedarValue?)null,
    };

    private TypeAnswer EnforceStrict(BinaryExpr at, BoolType type, CedarType? left, CedarType? right)
    {
        if (!strict || !ReferenceEquals(type, BoolType.Any) || left is null || right is null)
            return TypeAnswer.Success(type);
        if (TypeRelations.LeastUpperBound(left, right, strict) is not null) return TypeAnswer.Success(type);
        ReportIncompatible(at, [left, right]);
        return TypeAnswer.Fail(type);
    }

    private TypeAnswer CheckComparison(BinaryExpr binary, Capabilities prior)
    {
        var left = Check(binary.Left, prior);
        var right = Check(binary.Right, prior);
        var fine = left.Type is not null && right.Type is not null && AreComparable(binary, left.Type, right.Type);
        var result = fine ? TypeAnswer.Success(BoolType.Any) : TypeAnswer.Fail(BoolType.Any);
        return result.After(right).After(left);
    }

    private bool AreComparable(BinaryExpr binary, CedarType left, CedarType right)
    {
        if (left is NeverType && right is NeverType) return false;
        if (left is NeverType) return IsOrdered(right) || ExpectedOrdered(binary.Right, right);
        if (right is NeverType) return IsOrdered(left) || ExpectedOrdered(binary.Left, left);
        if (TypeRelations.AreEqual(left, right) && IsOrdered(left)) return true;
        if (left is LongType) return Expected(binary.Right, "Long", right);
        if (right is LongType) return Expected(binary.Left, "Long", left);
        if (IsOrdered(left)) return Expected(binary.Right, TypeText.Write(left), right);
        if (IsOrdered(right)) return Expected(binary.Left, TypeText.Write(right), left);
        ExpectedOrdered(binary.Left, left);
        return ExpectedOrdered(binary.Right, right);
    }

    private static bool IsOrdered(CedarType type) =>
        type is LongType or ExtensionType { Kind: CedarValueKind.Datetime or CedarValueKind.Duration };

    private bool ExpectedOrdered(Expr at, CedarType actual) => Expected(at, "datetime, or duration, or Long", actual);

    private bool Expected(Expr at, string wanted, CedarType actual)
    {
        Report(at, CedarValidationCodes.UnexpectedType,
            $"unexpected type: expected {wanted} but saw {TypeText.Write(actual)}");
        return false;
    }

    private TypeAnswer CheckIs(IsExpr @is, Capabilities prior)
    {
        var test = CheckIsType(@is, prior);
        if (@is.Ancestor is null) return test;
        // `is T in A` stands for `is T && … in A`.
        if (ReferenceEquals(test.Type, BoolType.False)) return TypeAnswer.Success(BoolType.False).After(test);
        var within = CheckIn(@is, @is.Target, @is.Ancestor, prior);
        return JoinAnd(test, within).After(within).After(test);
    }

    private TypeAnswer CheckIsType(IsExpr @is, Capabilities prior)
    {
        var target = Expect(@is.Target, prior, AnyEntityType.Instance);
        switch (target.Type)
        {
            case EntityType entity:
                var type = !entity.Names.Contains(@is.EntityType) ? BoolType.False
                    : entity.IsSingle ? BoolType.True
                    : BoolType.Any;
                return TypeAnswer.Success(type).After(target);
            case AnyEntityType: return TypeAnswer.Success(BoolType.Any).After(target);
            default: return TypeAnswer.Fail(BoolType.Any);
        }
    }

    private TypeAnswer CheckIn(Expr at, Expr left, Expr right, Capabilities prior)
    {
        var first = Expect(left, prior, AnyEntityType.Instance);
        var second = Expect(right, prior, EntityOrSet);
        if (!first.IsSuccess || !second.IsSuccess) return TypeAnswer.Fail(BoolType.Any);
        _ = at;
        if (UidOf(left) is { } uid && SchemaFacts.IsAction(uid.Type) && UidsOf(right) is { } uids)
            return TypeOfActionIn(uid, uids);
        var within = second.Type is SetType set ? set.Element as EntityType : second.Type as EntityType;
        return first.Type is EntityType entity && within is not null && !facts.MayBeIn(entity, within)
            ? TypeAnswer.Success(BoolType.False)
            : TypeAnswer.Success(BoolType.Any);
    }

    private EntityUid? UidOf(Expr expr) => LiteralOf(expr)?.Reference as EntityUid;

    private List<EntityUid>? UidsOf(Expr expr)
    {
        if (UidOf(expr) is { } one) return [one];
        if (expr is not SetExpr set) return null;
        var all = new List<EntityUid>();
        foreach (var member in set.Members)
        {
            if (UidOf(member) is not { } uid) return null;
            all.Add(uid);
        }

        return all;
    }

    private TypeAnswer TypeOfActionIn(EntityUid action, List<EntityUid> within)
    {
        var actions = within.FindAll(u => SchemaFacts.IsAction(u.Type));
        if (actions.Count == 0) return TypeAnswer.Success(BoolType.False);
        if (!actions.TrueForAll(schema.ActionInfos.ContainsKey)) return TypeAnswer.Fail(BoolType.Any);
        var ancestors = schema.ActionInfos.TryGetValue(action, out var info) ? info.Ancestors : [];
        var holds = actions.Exists(a => a.Equals(action) || ancestors.Contains(a));
        return TypeAnswer.Success(holds ? BoolType.True : BoolType.False);
    }
}
