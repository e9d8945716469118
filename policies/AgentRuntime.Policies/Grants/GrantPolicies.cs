using System.Globalization;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>A Cedar policy that a bundle's YAML was compiled to. Immutable.</summary>
/// <param name="Id">Its id: <c>grant:demo/triage:shop/refund</c>, <c>model:demo/triage:demo</c>,
/// <c>direct:demo:demo</c>, <c>memory:demo/triage:notes:read</c>.</param>
/// <param name="Text">Its source.</param>
/// <param name="Position">The place in the YAML that it comes from.</param>
/// <param name="Grant">The grant; null when it lets a model or memory be used.</param>
internal sealed record GeneratedPolicy(string Id, string Text, Yaml.BundlePosition Position, GrantDefinition? Grant)
{
    /// <summary>The offset of the grant's own expression within <see cref="Text"/>; -1 when it has none.</summary>
    public int ConditionOffset { get; init; } = -1;
}

/// <summary>
/// Compiles the grants of a bundle to Cedar: one permit each, for one principal, one action and one resource, so that
/// the index finds it at once and a reader sees what it does. Deny is what Cedar does without a permit. Stateless.
/// </summary>
internal static class GrantPolicies
{
    /// <summary>
    /// Characters of Cedar that the conditions and reasons of all grants may come to: twice what policies can that are
    /// written out. A few lines with aliases could otherwise describe gigabytes.
    /// </summary>
    public const int MaxConditions = 2 * BundleFiles.MaxTotalBytes;

    /// <summary>The policies of a bundle; none, with a problem, when its conditions are too much.</summary>
    public static List<GeneratedPolicy> Write(BundleDefinition bundle, Problems problems)
    {
        var policies = new List<GeneratedPolicy>();
        var conditions = 0L;
        foreach (var agent in bundle.Agents)
        {
            var principal = $"principal == {CedarText.Uid("Agent", agent.Name)}";
            foreach (var (id, grant) in Name(agent))
            {
                var policy = WriteGrant(id, grant, bundle.FindTool(grant.Tool)!, principal, out var length);
                conditions += length;
                if (conditions > MaxConditions)
                {
                    problems.Add(
                        grant.Position,
                        $"up to this grant, the conditions of all come to more than {MaxConditions} characters",
                        "shorten them, or write them once as a policy for all of these agents");
                    return [];
                }

                policies.Add(policy);
            }

            foreach (var model in agent.Models)
                policies.Add(WriteModel($"model:{agent.Name}:{model}", principal, model, agent.Position));

            foreach (var (id, action, grant) in NameMemory(agent))
                policies.Add(WriteMemory(id, action, grant, principal));
        }

        foreach (var model in bundle.Models)
        {
            if (model.DirectForAll)
                policies.Add(WriteModel(
                    $"direct:*:{model.Name}", "principal is AgentRuntime::Client", model.Name, model.Position));
            foreach (var project in model.DirectProjects)
            {
                policies.Add(WriteModel(
                    $"direct:{project}:{model.Name}",
                    $"principal == {CedarText.Uid("Client", project)}",
                    model.Name,
                    model.Position));
            }
        }

        return policies;
    }

    /// <summary>An agent's grants with the ids of their policies; further grants of one tool are numbered.</summary>
    public static IEnumerable<(string Id, GrantDefinition Grant)> Name(AgentDefinition agent)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var grant in agent.Grants)
        {
            var number = seen[grant.Tool] = seen.GetValueOrDefault(grant.Tool) + 1;
            var id = $"grant:{agent.Name}:{grant.Tool}";
            yield return (number == 1 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}#{number}"), grant);
        }
    }

    /// <summary>
    /// An agent's grants of memory, one for each action, with the ids of their policies; further ones of one bucket and
    /// action are numbered.
    /// </summary>
    public static IEnumerable<(string Id, PolicyAction Action, MemoryGrant Grant)> NameMemory(AgentDefinition agent)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var grant in agent.Memory)
        {
            if (grant.Access.HasFlag(MemoryAccess.Read))
                yield return (Id(PolicyAction.ReadMemory), PolicyAction.ReadMemory, grant);
            if (grant.Access.HasFlag(MemoryAccess.Write))
                yield return (Id(PolicyAction.WriteMemory), PolicyAction.WriteMemory, grant);

            string Id(PolicyAction action)
            {
                var id = $"memory:{agent.Name}:{grant.Bucket}:{MemoryCalls.Verb(action)}";
                var number = seen[id] = seen.GetValueOrDefault(id) + 1;
                return number == 1 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}#{number}");
            }
        }
    }

    private static GeneratedPolicy WriteMemory(string id, PolicyAction action, MemoryGrant grant, string principal)
    {
        var text = new StringBuilder();
        Annotate(text, "id", id);
        Annotate(text, "source", grant.Position.ToString());
        WriteHead(text, principal, MemoryCalls.ActionOf(action).Id, CedarText.Uid("Memory", grant.Bucket));
        if (grant.Keys is { } prefix)
        {
            // Listing has no key: it shows all of them, and a grant of some does not cover it.
            text.Append("\nwhen { ").Append(action == PolicyAction.ReadMemory ? "context.input has key && " : "")
                .Append("context.input.key like ").Append(CedarText.QuotePrefix(prefix)).Append(" }");
        }

        return new(id, text.Append(";\n").ToString(), grant.Position, null);
    }

    // The length is that of what the grant says itself.
    private static GeneratedPolicy WriteGrant(
        string id, GrantDefinition grant, ToolPin tool, string principal, out int length)
    {
        var text = new StringBuilder();
        Annotate(text, "id", id);
        Annotate(text, "source", grant.Position.ToString());
        var told = text.Length;
        if (grant.Reason is not null)
            Annotate(text, "reason", grant.Reason);
        length = text.Length - told;
        if (grant.NeedsApproval)
            Annotate(text, "approval", "required");
        WriteHead(text, principal, grant.Tool, CedarText.Uid("ToolServer", tool.Server));
        var head = text.Length;
        foreach (var limit in grant.Limits)
            text.Append("\nwhen { ").Append(Expression(limit)).Append(" }");
        if (grant.History.Count > 0)
            text.Append("\nwhen { context.history.holds.contains(").Append(CedarText.Quote(id)).Append(") }");
        var offset = -1;
        if (grant.Condition is not null)
        {
            text.Append("\nwhen {\n");
            offset = text.Length;
            text.Append(grant.Condition.TrimEnd()).Append("\n}");
        }

        length += text.Length - head;
        return new(id, text.Append(";\n").ToString(), grant.Position, grant) { ConditionOffset = offset };
    }

    private static GeneratedPolicy WriteModel(string id, string principal, string model, Yaml.BundlePosition at)
    {
        var text = new StringBuilder();
        Annotate(text, "id", id);
        Annotate(text, "source", at.ToString());
        WriteHead(text, principal, ActionNames.UseModel, CedarText.Uid("Model", model));
        return new(id, text.Append(";\n").ToString(), at, null);
    }

    private static void Annotate(StringBuilder text, string name, string value) =>
        text.Append('@').Append(name).Append('(').Append(CedarText.Quote(value)).Append(")\n");

    private static void WriteHead(StringBuilder text, string principal, string action, string resource) =>
        text.Append("permit (\n  ").Append(principal)
            .Append(",\n  action == ").Append(CedarText.Uid("Action", action))
            .Append(",\n  resource == ").Append(resource).Append("\n)");

    /// <summary>
    /// The limit as an expression. Every optional step of the path is asked for first: what is absent does not keep to
    /// the limit, and the validator sees that the access is safe.
    /// </summary>
    private static string Expression(ArgumentLimit limit)
    {
        var text = new StringBuilder();
        var path = "context[\"input\"]";
        foreach (var step in limit.Path)
        {
            var name = CedarText.Quote(step.Name);
            if (!step.Required)
                text.Append(path).Append(" has ").Append(name).Append(" && ");
            path += $"[{name}]";
        }

        return text.Append(Comparison(limit, path)).ToString();
    }

    private static string Comparison(ArgumentLimit limit, string path) =>
        (limit.Kind, limit.Shape) switch
        {
            (LimitKind.Max, IntegerShape) => $"{path} <= {limit.Values[0]}",
            (LimitKind.Min, IntegerShape) => $"{path} >= {limit.Values[0]}",
            (LimitKind.Max, _) => $"{path}.lessThanOrEqual(decimal(\"{limit.Values[0]}\"))",
            (LimitKind.Min, _) => $"{path}.greaterThanOrEqual(decimal(\"{limit.Values[0]}\"))",
            (LimitKind.Like, _) => $"{path} like {CedarText.Quote(limit.Values[0])}",
            (_, IntegerShape) => $"[{string.Join(", ", limit.Values)}].contains({path})",
            _ => $"[{string.Join(", ", limit.Values.Select(CedarText.Quote))}].contains({path})",
        };
}
