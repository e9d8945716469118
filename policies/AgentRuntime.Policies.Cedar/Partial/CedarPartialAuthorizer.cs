namespace AgentRuntime.Policies.Cedar;

/// <summary>Decides as far as a request is known, and says what remains. Pure and thread-safe.</summary>
public static class CedarPartialAuthorizer
{
    /// <summary>Evaluates every policy that may apply to some completion of the request.</summary>
    public static CedarPartialResponse Authorize(
        CedarPolicySet policies, CedarEntities entities, CedarPartialRequest request)
    {
        ArgumentNullException.ThrowIfNull(policies);
        ArgumentNullException.ThrowIfNull(entities);
        ArgumentNullException.ThrowIfNull(request);
        var candidates = new SortedSet<int>();
        policies.Index.Collect(candidates, entities, request);
        var evaluator = new PartialEvaluator(request, entities);
        List<CedarPolicy> satisfied = [];
        List<CedarResidual> residuals = [];
        List<CedarPolicyError> errors = [];
        foreach (var ordinal in candidates)
        {
            var policy = policies.Policies[ordinal];
            var outcome = Reduce(evaluator, policy);
            if (outcome.IsError) errors.Add(new(policy, outcome.ErrorKind, outcome.ErrorMessage));
            else if (outcome.Residual is not null) residuals.Add(new(policy, ExprText.Write(outcome.Residual)));
            else if (outcome.Value == CedarValue.True) satisfied.Add(policy);
        }

        return new(Decide(satisfied, residuals), satisfied, residuals, errors);
    }

    private static CedarDecision Decide(List<CedarPolicy> satisfied, List<CedarResidual> residuals)
    {
        if (satisfied.Exists(p => p.Effect == CedarEffect.Forbid)) return CedarDecision.Deny;
        var permitted = satisfied.Exists(p => p.Effect == CedarEffect.Permit);
        if (!permitted && !residuals.Exists(r => r.Policy.Effect == CedarEffect.Permit)) return CedarDecision.Deny;
        return permitted && !residuals.Exists(r => r.Policy.Effect == CedarEffect.Forbid)
            ? CedarDecision.Allow
            : CedarDecision.None;
    }

    private static PartialResult Reduce(PartialEvaluator evaluator, CedarPolicy policy)
    {
        var remaining = new List<Expr>();
        foreach (var conjunct in PolicyExprs.Conjuncts(policy))
        {
            var result = evaluator.Reduce(conjunct).AsBool();
            if (result.Residual is not null)
            {
                remaining.Add(result.Residual);
                continue;
            }

            if (result.Value == CedarValue.True) continue;
            if (remaining.Count == 0) return result;
            // What came before may still fail. A permit that fails does not allow, just as one that is false; a forbid
            // that fails denies, so that one is kept.
            if (policy.Effect == CedarEffect.Permit) return PartialResult.Known(CedarValue.False);
            remaining.Add(conjunct);
            break;
        }

        return remaining.Count switch
        {
            0 => PartialResult.Known(CedarValue.True),
            1 => PartialResult.Open(remaining[0]),
            _ => PartialResult.Open(new LogicalExpr(isAnd: true, [.. remaining])),
        };
    }
}
