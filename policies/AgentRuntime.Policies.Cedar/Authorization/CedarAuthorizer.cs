namespace AgentRuntime.Policies.Cedar;

/// <summary>Decides requests (Cedar reference, "Authorization"): forbid overrides permit, deny is the default.</summary>
public static class CedarAuthorizer
{
    /// <summary>Evaluates every policy that can apply; never throws for a policy's fault. Thread-safe.</summary>
    public static CedarResponse Authorize(CedarPolicySet policies, CedarEntities entities, CedarRequest request)
    {
        ArgumentNullException.ThrowIfNull(policies);
        ArgumentNullException.ThrowIfNull(entities);
        ArgumentNullException.ThrowIfNull(request);
        var evaluation = new Evaluation(request, entities);
        List<CedarPolicy>? permits = null, forbids = null;
        List<CedarPolicyError>? errors = null;
        foreach (var policy in policies.Policies)
        {
            var compiled = policy.Compiled;
            if (!compiled.MatchesScope(ref evaluation)) continue;
            switch (compiled.TestConditions(ref evaluation))
            {
                case Truth.True when policy.Effect == CedarEffect.Forbid:
                    (forbids ??= []).Add(policy);
                    break;
                case Truth.True:
                    (permits ??= []).Add(policy);
                    break;
                case Truth.Error:
                    (errors ??= []).Add(new(policy, evaluation.ErrorKind, evaluation.ErrorMessage));
                    break;
                default:
                    break;
            }
        }

        CedarPolicyError[] failed = errors is null ? [] : [.. errors];
        if (forbids is not null) return new(CedarDecision.Deny, [.. forbids], failed);
        return permits is not null
            ? new(CedarDecision.Allow, [.. permits], failed)
            : new(CedarDecision.Deny, [], failed);
    }
}
