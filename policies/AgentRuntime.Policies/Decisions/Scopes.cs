using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>Whether a policy's head fits a call, whatever its conditions say. Stateless.</summary>
internal static class Scopes
{
    public static bool Fit(
        CedarPolicy policy, EntityUid principal, EntityUid action, EntityUid resource, CedarEntities entities) =>
        Fits(policy.Principal, principal, entities)
        && Fits(policy.Action, action, entities)
        && Fits(policy.Resource, resource, entities);

    public static bool Fits(CedarScope scope, EntityUid entity, CedarEntities entities) =>
        scope.Operator switch
        {
            CedarScopeOperator.Any => true,
            CedarScopeOperator.Equal => scope.Entities[0] == entity,
            CedarScopeOperator.In => scope.Entities.Any(e => entities.IsIn(entity, e)),
            CedarScopeOperator.Is => scope.EntityType == entity.Type,
            CedarScopeOperator.IsIn =>
                scope.EntityType == entity.Type && scope.Entities.Any(e => entities.IsIn(entity, e)),
            _ => false,
        };
}
