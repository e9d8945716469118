using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads an agent's <c>tools</c>: names, or mappings with conditions. Stateless.</summary>
internal static class GrantReader
{
    public const int MaxGrants = 500;
    private const int MaxConditionLength = 4_000;
    private const int MaxReasonLength = 300;

    public static IReadOnlyList<GrantDefinition> Read(YamlSection agent, BundleDefinition bundle, Problems problems)
    {
        var nodes = agent.List("tools");
        if (nodes.Count > MaxGrants)
        {
            problems.Add(agent.Position, $"{nodes.Count} grants", $"at most {MaxGrants} are read");
            return [];
        }

        var grants = new List<GrantDefinition>();
        foreach (var node in nodes)
        {
            if (ReadGrant(node, bundle, problems) is not { } grant)
                continue;
            if (grants.Exists(g => g.Tool == grant.Tool && g.IsUnconditional && !g.NeedsApproval))
            {
                problems.Add(
                    grant.Position,
                    $"'{grant.Tool}' is already granted without conditions, so this grant adds nothing",
                    "remove one of them");
            }

            grants.Add(grant);
        }

        return grants;
    }

    private static GrantDefinition? ReadGrant(YamlNode node, BundleDefinition bundle, Problems problems)
    {
        if (node is YamlScalar name)
            return FindTool(name, bundle, problems)
                ? new(name.Text, [], null, default, null, false, node.Position)
                : null;
        if (YamlSection.Of(node, problems, "a grant") is not { } section)
            return null;

        var toolName = section.RequiredText("tool");
        var known = toolName is not null
            && section.Find("tool") is YamlScalar scalar
            && FindTool(scalar, bundle, problems);
        var tool = known ? bundle.FindTool(toolName!) : null;
        var limits = new List<ArgumentLimit>();
        ArgumentLimits.Read(section, LimitKind.Max, "max", tool, limits, problems);
        ArgumentLimits.Read(section, LimitKind.Min, "min", tool, limits, problems);
        ArgumentLimits.Read(section, LimitKind.OneOf, "one_of", tool, limits, problems);
        ArgumentLimits.Read(section, LimitKind.Like, "like", tool, limits, problems);
        var when = section.Text("when", MaxConditionLength);
        var history = HistoryReader.Read(section, tool, bundle, problems);
        var obligations = ObligationReader.Read(section, tool, bundle, problems);
        var reason = section.Text("reason", MaxReasonLength);
        var approval = ReadApproval(section, tool, problems);
        var grant = new GrantDefinition(
            toolName ?? "", limits, when, (section.Find(
                "when") as YamlScalar)?.TextPosition ?? default, reason, approval is not null, section.Position)
        {
            History = history,
            Obligations = obligations,
            Approval = approval ?? ApprovalScope.Default,
        };
        section.Close();
        return tool is null ? null : grant;
    }

    private static ApprovalScope? ReadApproval(YamlSection grant, ToolPin? tool, Problems problems)
    {
        if (grant.Find("approval") is not YamlMapping mapping)
            return grant.Flag("approval") == true ? ApprovalScope.Default : null;
        var section = YamlSection.Of(mapping, problems, "'approval'")!;
        var within = section.Duration(
            "within", ApprovalScope.Default.Within, TimeSpan.FromSeconds(1), TimeSpan.FromDays(30));
        var same = section.List("same").Select(
            n => HistoryReader.Argument(n, tool, null, problems)).OfType<string>().ToList();
        section.Close();
        return new(within, same);
    }

    public static bool FindTool(YamlScalar name, BundleDefinition bundle, Problems problems)
    {
        if (bundle.FindTool(name.Text) is not null)
            return true;
        problems.Add(
            name.Position,
            $"no tool '{name.Text}' is pinned",
            problems.Suggest(name.Text, bundle.Tools.Select(t => t.Name))
                ?? "pin it in tools/<server>.json");
        return false;
    }
}
