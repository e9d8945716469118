using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>Which tools an agent could be allowed to call, whatever the arguments. Stateless.</summary>
internal static class Visibility
{
    /// <summary>The tools for which some permit's head fits the agent.</summary>
    public static IReadOnlySet<string> Of(string agent, CompiledBundle bundle)
    {
        var principal = EntityNames.Agent(agent);
        var permits = bundle.Policies.Policies
            .Where(p => p.Effect == CedarEffect.Permit && Fits(p.Principal, principal, bundle.Entities))
            .ToList();
        return bundle.Tools.Values
            .Where(t => permits.Exists(p =>
                Fits(p.Action, t.Action, bundle.Entities) && Fits(p.Resource, t.Server, bundle.Entities)))
            .Select(t => t.Pin.Name)
            .ToHashSet(StringComparer.Ordinal);
    }

    private static bool Fits(CedarScope scope, EntityUid entity, CedarEntities entities) =>
        scope.Operator switch
        {
            CedarScopeOperator.Any => true,
            CedarScopeOperator.Equal => scope.Entities[0] == entity,
            CedarScopeOperator.In => scope.Entities.Any(e => entities.IsIn(entity, e)),
            CedarScopeOperator.Is => scope.EntityType == entity.Type,
            CedarScopeOperator.IsIn => scope.EntityType == entity.Type && scope.Entities.Any(e => entities.IsIn(entity, e)),
            _ => false,
        };
}
