namespace AgentRuntime.Policies.Cedar;

internal sealed class NegateNode(Node operand) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation)
    {
        var value = operand.Evaluate(ref evaluation);
        if (!value.IsLong) return value.IsNone ? default : evaluation.FailType("long", value);
        return value.Bits == long.MinValue
            ? evaluation.Fail(CedarErrorKind.Overflow, "integer overflow: the smallest long has no negation")
            : CedarValue.Long(-value.Bits);
    }
}

internal sealed class ArithmeticNode(BinaryOperator @operator, Node left, Node right) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation)
    {
        var first = left.Evaluate(ref evaluation);
        if (first.IsNone) return default;
        var second = right.Evaluate(ref evaluation);
        if (second.IsNone) return default;
        if (!first.IsLong) return evaluation.FailType("long", first);
        if (!second.IsLong) return evaluation.FailType("long", second);
        var (a, b) = (first.Bits, second.Bits);
        var exact = @operator switch
        {
            BinaryOperator.Add => (Int128)a + b,
            BinaryOperator.Subtract => (Int128)a - b,
            _ => (Int128)a * b,
        };
        return exact < long.MinValue || exact > long.MaxValue
            ? evaluation.Fail(CedarErrorKind.Overflow, $"integer overflow: {a} {Symbol} {b}")
            : CedarValue.Long((long)exact);
    }

    private char Symbol => @operator switch
    {
        BinaryOperator.Add => '+',
        BinaryOperator.Subtract => '-',
        _ => '*',
    };
}

internal sealed class EqualNode(Node left, Node right, bool negated) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var first = left.Evaluate(ref evaluation);
        if (first.IsNone) return Truth.Error;
        var second = right.Evaluate(ref evaluation);
        if (second.IsNone) return Truth.Error;
        if (!evaluation.TryCompare(Math.Min(first.Weight, second.Weight))) return Truth.Error;
        return first.Equals(second) != negated ? Truth.True : Truth.False;
    }
}

/// <summary><c>&lt; &lt;= &gt; &gt;=</c> over longs, datetimes and durations, both of one type.</summary>
internal sealed class CompareNode(BinaryOperator @operator, Node left, Node right) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var first = left.Evaluate(ref evaluation);
        if (first.IsNone) return Truth.Error;
        var second = right.Evaluate(ref evaluation);
        if (second.IsNone) return Truth.Error;
        if (!IsOrdered(first)) return evaluation.FailTruth("long, datetime or duration", first);
        if (second.Kind != first.Kind)
            return evaluation.FailTruth(first.Kind.ToString().ToLowerInvariant(), second);
        var holds = @operator switch
        {
            BinaryOperator.Less => first.Bits < second.Bits,
            BinaryOperator.LessEqual => first.Bits <= second.Bits,
            BinaryOperator.Greater => first.Bits > second.Bits,
            _ => first.Bits >= second.Bits,
        };
        return holds ? Truth.True : Truth.False;
    }

    private static bool IsOrdered(CedarValue value) =>
        value.IsLong || value.Kind is CedarValueKind.Datetime or CedarValueKind.Duration;
}

internal sealed class InNode(Node left, Node right) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var first = left.Evaluate(ref evaluation);
        if (first.IsNone) return Truth.Error;
        var second = right.Evaluate(ref evaluation);
        if (second.IsNone) return Truth.Error;
        if (first.Reference is not EntityUid uid) return evaluation.FailTruth("entity", first);
        return Hierarchy.Test(ref evaluation, uid, second);
    }
}

/// <summary><c>is Type</c>, optionally <c>in ancestor</c>, which is looked at only when the type is right.</summary>
internal sealed class IsNode(Node target, string type, Node? ancestor) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var value = target.Evaluate(ref evaluation);
        if (value.Reference is not EntityUid uid)
            return value.IsNone ? Truth.Error : evaluation.FailTruth("entity", value);
        if (uid.Type != type) return Truth.False;
        if (ancestor is null) return Truth.True;
        var where = ancestor.Evaluate(ref evaluation);
        return where.IsNone ? Truth.Error : Hierarchy.Test(ref evaluation, uid, where);
    }
}

/// <summary>Membership in an entity or in any of a set of entities.</summary>
internal static class Hierarchy
{
    public static Truth Test(ref Evaluation evaluation, EntityUid uid, CedarValue where)
    {
        if (where.Reference is EntityUid one) return evaluation.IsIn(uid, one) ? Truth.True : Truth.False;
        if (where.Reference is not CedarSet set) return evaluation.FailTruth("entity or set of entities", where);
        // Every member must be an entity, also when an earlier one already matches.
        foreach (ref readonly var member in set.Values)
            if (member.Reference is not EntityUid) return evaluation.FailTruth("entity", member);
        var entry = evaluation.Find(uid);
        foreach (ref readonly var member in set.Values)
        {
            var candidate = (EntityUid)member.Reference!;
            if (uid.Equals(candidate) || (entry is not null && entry.HasAncestor(candidate))) return Truth.True;
        }

        return Truth.False;
    }
}

internal sealed class ContainsNode(Node left, Node right) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var first = left.Evaluate(ref evaluation);
        if (first.IsNone) return Truth.Error;
        var second = right.Evaluate(ref evaluation);
        if (second.IsNone) return Truth.Error;
        if (first.Reference is not CedarSet set) return evaluation.FailTruth("set", first);
        if (!evaluation.TryCompare(set.WeightToFind(second))) return Truth.Error;
        return set.Contains(second) ? Truth.True : Truth.False;
    }
}

internal sealed class ContainsSetNode(Node left, Node right, bool all) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var first = left.Evaluate(ref evaluation);
        if (first.IsNone) return Truth.Error;
        var second = right.Evaluate(ref evaluation);
        if (second.IsNone) return Truth.Error;
        if (first.Reference is not CedarSet set) return evaluation.FailTruth("set", first);
        if (second.Reference is not CedarSet other) return evaluation.FailTruth("set", second);
        if (!evaluation.TryCompare(all ? other.Weight : Math.Min(set.Weight, other.Weight))) return Truth.Error;
        return (all ? set.ContainsAll(other) : set.ContainsAny(other)) ? Truth.True : Truth.False;
    }
}

internal sealed class IsEmptyNode(Node operand) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var value = operand.Evaluate(ref evaluation);
        if (value.Reference is CedarSet set) return set.Count == 0 ? Truth.True : Truth.False;
        return value.IsNone ? Truth.Error : evaluation.FailTruth("set", value);
    }
}

internal sealed class LikeNode(Node operand, LikePattern pattern) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var value = operand.Evaluate(ref evaluation);
        if (value.Reference is string text)
        {
            if (!evaluation.TryCompare(value.Weight)) return Truth.Error;
            return pattern.Matches(text) ? Truth.True : Truth.False;
        }

        return value.IsNone ? Truth.Error : evaluation.FailTruth("string", value);
    }
}
