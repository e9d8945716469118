using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>Which tools an agent could be allowed to call with some arguments, at some time, after some history. Stateless.</summary>
internal static class Visibility
{
    /// <summary>
    /// The tools for which some permit's head fits the agent, without those that a forbid refuses whatever the
    /// arguments: one whose head fits and that has no conditions.
    /// </summary>
    public static IReadOnlySet<string> Of(string agent, CompiledBundle bundle)
    {
        var principal = EntityNames.Agent(agent);
        return bundle.Tools.Values
            .Where(t => IsReachable(principal, t, bundle))
            .Select(t => t.Pin.Name)
            .ToHashSet(StringComparer.Ordinal);
    }

    private static bool IsReachable(EntityUid principal, ToolEntry tool, CompiledBundle bundle)
    {
        var permitted = false;
        foreach (var policy in bundle.Policies.Policies)
        {
            if (!Scopes.Fit(policy, principal, tool.Action, tool.Server, bundle.Entities))
                continue;
            if (policy.Effect == CedarEffect.Permit)
                permitted = true;
            else if (ConditionParts.Of(policy).Count == 0)
                return false;
        }

        return permitted;
    }
}
