namespace AgentRuntime.Policies.Cedar;

/// <summary>The checks of one policy, in the reference validator's order. One per validation, single thread.</summary>
internal sealed class PolicyValidation(CedarSchema schema, bool strict, int? maximumLevel, ValidationReport report)
{
    private readonly SchemaFacts _facts = new(schema);
    private readonly List<RequestEnvironment> _environments = RequestEnvironment.AllOf(schema);
    private Dictionary<EntityUid, List<RequestEnvironment>>? _byAction;

    public void Check(CedarPolicy policy)
    {
        CheckNames(policy);
        CheckApplication(policy);
        CheckTypes(policy);
    }

    /// <summary>What linking adds to a template that is checked itself: the values of its slots.</summary>
    public void CheckLink(CedarPolicy policy)
    {
        foreach (var scope in new[] { policy.Principal, policy.Resource })
            foreach (var uid in scope.Entities) CheckType(policy, uid.Type, null);
        CheckApplication(policy);
    }

    private void CheckNames(CedarPolicy policy)
    {
        foreach (var (type, at) in PolicyExprs.Types(policy)) CheckType(policy, type, at);
        foreach (var (uid, at) in PolicyExprs.Uids(policy))
        {
            if (SchemaFacts.IsAction(uid.Type)) CheckAction(policy, uid, at);
            else CheckEnum(policy, uid, at);
        }
    }

    private void CheckType(CedarPolicy policy, string type, Expr? at)
    {
        if (_facts.IsKnownType(type)) return;
        var near = Spelling.Nearest(type, schema.EntityTypes);
        Report(
            policy,
            at,
            CedarValidationCodes.UnrecognizedEntityType,
            $"unrecognized entity type `{type}`",
            near is null ? null : $"did you mean `{near}`?");
    }

    private void CheckAction(CedarPolicy policy, EntityUid uid, Expr? at)
    {
        if (schema.ActionInfos.ContainsKey(uid)) return;
        var near = Spelling.Nearest(uid.ToString(), schema.Actions.Select(a => a.ToString()));
        Report(
            policy,
            at,
            CedarValidationCodes.UnrecognizedActionId,
            $"unrecognized action `{uid}`",
            near is null ? null : $"did you mean `{near}`?");
    }

    private void CheckEnum(CedarPolicy policy, EntityUid uid, Expr? at)
    {
        if (!schema.EntityTypeInfos.TryGetValue(uid.Type, out var info) || info.EnumIds is not { } ids) return;
        if (ids.Contains(uid.Id)) return;
        var near = Spelling.Nearest(uid.Id, ids);
        Report(
            policy,
            at,
            CedarValidationCodes.InvalidEnumEntity,
            $"entity `{uid}` is of an enumerated entity type, "
            + $"but `{StringEscapes.Quote(uid.Id)}` is not declared as a valid eid",
            near is null
                ? $"valid are {string.Join(", ", ids.Take(10).Select(StringEscapes.Quote))}"
                : $"did you mean `{near}`?");
    }

    private void CheckApplication(CedarPolicy policy)
    {
        var principals = TypesOf(policy.Principal);
        var resources = TypesOf(policy.Resource);
        var actions = ActionsOf(policy.Action);
        var applies = actions.Exists(a =>
            a.Principals.Any(p => principals is null || principals.Contains(p))
            && a.Resources.Any(r => resources is null || resources.Contains(r)));
        if (applies) return;
        Report(
            policy,
            null,
            CedarValidationCodes.InvalidActionApplication,
            "unable to find an applicable action given the policy scope constraints",
            InsteadOfEqual(policy, actions));
    }

    // `principal == Group::"x"` where only members of groups can act is a common slip.
    private string? InsteadOfEqual(CedarPolicy policy, List<ActionInfo> actions)
    {
        var principal = WouldInHelp(policy.Principal, actions, a => a.Principals);
        var resource = WouldInHelp(policy.Resource, actions, a => a.Resources);
        if (principal && resource)
            return "try replacing `==` with `in` in the principal clause and the resource clause";
        if (principal) return "try replacing `==` with `in` in the principal clause";
        return resource ? "try replacing `==` with `in` in the resource clause" : null;
    }

    private bool WouldInHelp(CedarScope scope, List<ActionInfo> actions, Func<ActionInfo, string[]> types)
    {
        if (scope.Operator != CedarScopeOperator.Equal || scope.HasSlot) return false;
        var literal = scope.Entity.Type;
        return !actions.Exists(a => types(a).Contains(literal))
            && actions.Exists(a => types(a).Any(t => t != literal && _facts.MayBeIn(t, literal)));
    }

    /// <summary>The types that a scope leaves; null is all of them.</summary>
    private HashSet<string>? TypesOf(CedarScope scope)
    {
        switch (scope.Operator)
        {
            case CedarScopeOperator.Equal or CedarScopeOperator.In when scope.HasSlot: return null;
            case CedarScopeOperator.Equal: return [scope.Entity.Type];
            case CedarScopeOperator.In: return _facts.TypesIn(scope.Entity.Type);
            case CedarScopeOperator.Is or CedarScopeOperator.IsIn when !_facts.IsKnownType(scope.EntityType!):
                return [];
            case CedarScopeOperator.Is: return [scope.EntityType!];
            case CedarScopeOperator.IsIn:
                if (scope.HasSlot) return [scope.EntityType!];
                return _facts.TypesIn(scope.Entity.Type).Contains(scope.EntityType!) ? [scope.EntityType!] : [];
            default: return null;
        }
    }

    private List<ActionInfo> ActionsOf(CedarScope scope)
    {
        var all = schema.ActionInfos.Values;
        switch (scope.Operator)
        {
            case CedarScopeOperator.Any: return [.. all];
            case CedarScopeOperator.Equal:
                return schema.ActionInfos.TryGetValue(scope.Entity, out var one) ? [one] : [];
            default:
                if (!scope.Entities.All(schema.ActionInfos.ContainsKey)) return [];
                return [.. all.Where(a => scope.Entities.Any(e => e.Equals(a.Uid) || a.Ancestors.Contains(e)))];
        }
    }

    private void CheckTypes(CedarPolicy policy)
    {
        var conjuncts = PolicyExprs.Conjuncts(policy);
        var checker = new TypeChecker(schema, _facts, strict, policy, report);
        var isImpossible = true;
        foreach (var environment in EnvironmentsOf(policy))
        {
            var answer = checker.CheckCondition(environment, conjuncts);
            var isFalse = ReferenceEquals(answer.Type, BoolType.False);
            if (!isFalse) isImpossible = false;
            if (maximumLevel is not { } level || !(answer.IsSuccess || isFalse)) continue;
            var levels = new LevelValidation(policy, checker, environment, level, report);
            foreach (var conjunct in conjuncts) levels.Check(conjunct);
        }

        if (!isImpossible) return;
        const string message = "policy is impossible: the policy expression evaluates to false for all valid requests";
        report.Add(
            policy, policy.Position, CedarValidationCodes.ImpossiblePolicy, message, severity: CedarSeverity.Warning);
    }

    /// <summary>
    /// The environments in which a policy could apply. One for a single action is false in all others: with a thousand
    /// actions that is nearly all of the work. Levels are looked at where a policy is false, too.
    /// </summary>
    private List<RequestEnvironment> EnvironmentsOf(CedarPolicy policy)
    {
        if (maximumLevel is not null || policy.Action is not { Operator: CedarScopeOperator.Equal, HasSlot: false })
            return _environments;
        _byAction ??= _environments.GroupBy(e => e.Action.Uid).ToDictionary(g => g.Key, g => g.ToList());
        return _byAction.GetValueOrDefault(policy.Action.Entity) ?? _environments;
    }

    private void Report(CedarPolicy policy, Expr? at, string code, string message, string? suggestion) =>
        report.Add(policy, at is null ? policy.Position : policy.PositionOf(at), code, message, suggestion);
}
