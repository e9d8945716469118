namespace AgentRuntime.Policies.Cedar;

/// <summary>A policy ready to decide: its conditions as nodes, its scope as plain tests.</summary>
internal sealed class CompiledPolicy
{
    private readonly Node[] _conditions;

    private CompiledPolicy(CedarPolicy policy, Node[] conditions)
    {
        Policy = policy;
        _conditions = conditions;
        IsForbid = policy.Effect == CedarEffect.Forbid;
    }

    public CedarPolicy Policy { get; }

    public bool IsForbid { get; }

    public static CompiledPolicy Compile(CedarPolicy policy, NodeCompiler compiler)
    {
        var conditions = new Node[policy.Conditions.Length];
        for (var i = 0; i < conditions.Length; i++)
        {
            var node = compiler.Compile(policy.Conditions[i].Body);
            conditions[i] = policy.Conditions[i].IsUnless ? new NotNode(node) : node;
        }

        return new(policy, conditions);
    }

    /// <summary>The conditions alone, in order; the first that does not hold ends it.</summary>
    public Truth TestConditions(ref Evaluation evaluation)
    {
        foreach (var condition in _conditions)
        {
            var truth = condition.Test(ref evaluation);
            if (truth != Truth.True) return truth;
        }

        return Truth.True;
    }

    public bool MatchesScope(ref Evaluation evaluation) =>
        Matches(Policy.Principal, evaluation.Principal, evaluation.PrincipalEntry)
        && Matches(Policy.Action, evaluation.Action, evaluation.ActionEntry)
        && Matches(Policy.Resource, evaluation.Resource, evaluation.ResourceEntry);

    private static bool Matches(CedarScope scope, EntityUid uid, EntityEntry? entry)
    {
        switch (scope.Operator)
        {
            case CedarScopeOperator.Any: return true;
            case CedarScopeOperator.Equal: return uid.Equals(scope.Entity);
            case CedarScopeOperator.Is: return uid.Type == scope.EntityType;
            case CedarScopeOperator.IsIn when uid.Type != scope.EntityType: return false;
            default:
                foreach (var ancestor in scope.EntityArray)
                    if (uid.Equals(ancestor) || (entry is not null && entry.HasAncestor(ancestor))) return true;
                return false;
        }
    }
}
