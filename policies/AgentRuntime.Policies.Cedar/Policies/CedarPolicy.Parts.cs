using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <content>What a policy's conditions are made of, for those who explain or try it.</content>
public sealed partial class CedarPolicy
{
    /// <summary>
    /// What must hold one after the other for the policy to apply: each <c>when</c> taken apart at its
    /// <c>&amp;&amp;</c>, each <c>unless</c> at its <c>||</c>; in the order in which they are evaluated.
    /// </summary>
    public IReadOnlyList<CedarConditionPart> Parts()
    {
        var parts = new List<CedarConditionPart>();
        foreach (var condition in Conditions) Split(condition.Body, condition.IsUnless, parts);
        return parts;
    }

    /// <summary>
    /// The literals in the conditions, in no particular order, and for each pattern of <c>like</c> a text that is like
    /// it: where a condition changes, it changes at or beside one of them.
    /// </summary>
    public IEnumerable<CedarValue> Constants()
    {
        foreach (var condition in Conditions)
        {
            foreach (var expr in PolicyExprs.Descendants(condition.Body))
            {
                if (expr is LiteralExpr literal) yield return literal.Value;
                if (expr is LikeExpr like) yield return CedarValue.String(string.Join('x', like.Pattern.Pieces));
            }
        }
    }

    private static void Split(Expr body, bool isUnless, List<CedarConditionPart> parts)
    {
        if (body is LogicalExpr chain && chain.IsAnd != isUnless)
        {
            foreach (var operand in chain.Operands) Split(operand, isUnless, parts);
            return;
        }

        var policy = new CedarPolicy(
            "policy0", CedarEffect.Permit, CedarScope.Any, CedarScope.Any, CedarScope.Any, [new(isUnless, body)], []);
        var text = new StringBuilder();
        ExprText.Append(text, body);
        parts.Add(new(policy, text.ToString(), isUnless));
    }
}

/// <summary>One thing that must hold for a policy to apply, or with <c>unless</c> must not. Immutable.</summary>
/// <param name="Policy">A permit without a head that applies when it is kept to.</param>
/// <param name="Expression">The part as Cedar.</param>
/// <param name="IsUnless">It must not hold.</param>
public sealed record CedarConditionPart(CedarPolicy Policy, string Expression, bool IsUnless);
