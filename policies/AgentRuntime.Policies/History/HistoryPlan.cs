using System.Collections.Frozen;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Which history conditions an agent's grants have, laid out so that an event reaches only those that watch its tool.
/// Immutable; shared by the agent's runs.
/// </summary>
internal sealed class HistoryPlan
{
    private HistoryPlan(
        HistoryCondition[] conditions,
        FrozenDictionary<string,
        int[]> watchers,
        FrozenDictionary<string,
        GrantCheck[]> checks)
    {
        Conditions = conditions;
        Watchers = watchers;
        Checks = checks;
    }

    public HistoryCondition[] Conditions { get; }

    /// <summary>By tool: the conditions that hear of its calls.</summary>
    public FrozenDictionary<string, int[]> Watchers { get; }

    /// <summary>By tool: its grants that have conditions, with these.</summary>
    public FrozenDictionary<string, GrantCheck[]> Checks { get; }

    public static HistoryPlan Of(AgentDefinition agent)
    {
        var conditions = new List<HistoryCondition>();
        var checks = new Dictionary<string, List<GrantCheck>>(StringComparer.Ordinal);
        foreach (var (id, grant) in GrantPolicies.Name(agent))
        {
            if (grant.History.Count == 0)
                continue;
            var numbers = new int[grant.History.Count];
            for (var i = 0; i < numbers.Length; i++)
            {
                numbers[i] = conditions.Count;
                conditions.Add(grant.History[i]);
            }

            if (!checks.TryGetValue(grant.Tool, out var list))
                checks.Add(grant.Tool, list = []);
            list.Add(new(CedarValue.String(id), numbers));
        }

        var watchers = conditions
            .Select((c, number) => (c.Watched, Number: number))
            .Where(w => w.Watched is not null)
            .GroupBy(w => w.Watched!, StringComparer.Ordinal)
            .ToFrozenDictionary(g => g.Key, g => g.Select(w => w.Number).ToArray(), StringComparer.Ordinal);
        return new(
            [.. conditions],
            watchers,
            checks.ToFrozenDictionary(c => c.Key, c => c.Value.ToArray(), StringComparer.Ordinal));
    }

    /// <summary>A grant and the numbers of its conditions, all of which must hold.</summary>
    internal readonly record struct GrantCheck(CedarValue Id, int[] Conditions);
}
