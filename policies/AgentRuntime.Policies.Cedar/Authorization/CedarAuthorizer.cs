namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Decides requests (Cedar reference, "Authorization"): forbid overrides permit, deny is the default.
/// </summary>
public static class CedarAuthorizer
{
    /// <summary>
    /// Evaluates every policy whose scope can match, so that all errors are seen; never throws for a policy's fault.
    /// Thread-safe; allocates nothing when no policy fails.
    /// </summary>
    public static CedarResponse Authorize(CedarPolicySet policies, CedarEntities entities, CedarRequest request)
    {
        ArgumentNullException.ThrowIfNull(policies);
        ArgumentNullException.ThrowIfNull(entities);
        ArgumentNullException.ThrowIfNull(request);
        var visit = new DecisionVisit(request, entities);
        policies.Index.Visit(ref visit);
        return visit.Decide(policies.Index);
    }
}
