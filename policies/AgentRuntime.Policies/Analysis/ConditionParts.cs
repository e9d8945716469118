using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// A policy's conditions taken apart into what must hold one after the other: each <c>when</c> at its
/// <c>&amp;&amp;</c>, each <c>unless</c> at its <c>||</c>. Stateless.
/// </summary>
internal static class ConditionParts
{
    /// <summary>The parts in order, each a policy without a head that holds when the part is kept to.</summary>
    public static IEnumerable<ConditionPart> Of(CedarPolicy policy) =>
        policy.Parts().Select(p => new ConditionPart(CedarPolicySet.Create([p.Policy]), p.Expression, p.IsUnless));
}

/// <summary>One thing that must hold, or with <c>unless</c> must not. Immutable.</summary>
/// <param name="Policy">The part as a policy.</param>
/// <param name="Expression">The part as Cedar.</param>
/// <param name="IsUnless">It must not hold.</param>
internal sealed record ConditionPart(CedarPolicySet Policy, string Expression, bool IsUnless)
{
    /// <summary>The part as a reader says it.</summary>
    public string Text => IsUnless ? $"not: {Expression}" : Expression;

    /// <summary>Whether it is kept to for a request; null when it fails to evaluate, with the error.</summary>
    public bool? Holds(CedarRequest request, CedarEntities entities, out string? error)
    {
        var response = CedarAuthorizer.Authorize(Policy, entities, request);
        error = response.Errors.Count > 0 ? response.Errors[0].Message : null;
        return error is null ? response.IsAllowed : null;
    }
}
