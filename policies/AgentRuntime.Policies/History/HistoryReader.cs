using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads a grant's <c>history</c>. Stateless.</summary>
internal static class HistoryReader
{
    private static readonly TimeSpan ShortestWindow = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestWindow = TimeSpan.FromDays(30);

    public static IReadOnlyList<HistoryCondition> Read(
        YamlSection grant, ToolPin? tool, BundleDefinition bundle, Problems problems)
    {
        var conditions = new List<HistoryCondition>();
        if (grant.Section("history") is not { } section || tool is null)
            return conditions;
        ReadAtMost(section, tool, conditions, problems);
        ReadTotal(section, tool, conditions, problems);
        ReadAfter(section, tool, bundle, conditions, problems);
        ReadFailure(section, bundle, conditions, problems);
        if (section.Flag("never_after_untrusted") == true)
            conditions.Add(new NeverAfterUntrustedCondition(section.Find("never_after_untrusted")!.Position));
        section.Close();
        return conditions;
    }

    private static void ReadAtMost(
        YamlSection section, ToolPin tool, List<HistoryCondition> conditions, Problems problems)
    {
        if (section.Find("at_most") is not { } node)
            return;
        if (node is YamlScalar)
        {
            conditions.Add(
                new AtMostCondition(tool.Name, section.Long("at_most", 0, 0, int.MaxValue), null, node.Position));
        }
        else if (YamlSection.Of(node, problems, "'at_most'") is { } at)
        {
            if (!at.Has("calls"))
                problems.Add(at.Position, "'at_most' lacks 'calls'", "write a number, or {calls: …, within: …}");
            conditions.Add(new AtMostCondition(tool.Name, at.Long("calls", 0, 0, 100_000), Window(at), node.Position));
            at.Close();
        }
    }

    private static void ReadTotal(
        YamlSection section, ToolPin tool, List<HistoryCondition> conditions, Problems problems)
    {
        var limits = new List<ArgumentLimit>();
        if (section.Find("total") is not { } node || YamlSection.Of(node, problems, "'total'") is not { } total)
            return;
        // With a window: {of: {amount_cents: 20000}, within: 1h}; without: {amount_cents: 20000}.
        var windowed = total.Has("of") && tool.Arguments.Find("of") is null;
        ArgumentLimits.Read(
            windowed ? total : section, LimitKind.Max, windowed ? "of" : "total", tool, limits, problems);
        var within = windowed ? Window(total) : null;
        if (windowed)
            total.Close();
        conditions.AddRange(limits.Select(l => new TotalCondition(tool.Name, l, within, l.Position)));
    }

    private static void ReadAfter(
        YamlSection section,
        ToolPin tool,
        BundleDefinition bundle,
        List<HistoryCondition> conditions,
        Problems problems)
    {
        if (section.Find("after") is not { } node)
            return;
        if (node is YamlScalar name)
        {
            if (GrantReader.FindTool(name, bundle, problems))
                conditions.Add(new AfterCondition(name.Text, [], null, node.Position));
        }
        else if (YamlSection.Of(node, problems, "'after'") is { } after)
        {
            var before = after.RequiredText("call");
            var known = after.Find("call") is YamlScalar scalar && GrantReader.FindTool(scalar, bundle, problems)
                ? bundle.FindTool(before!)
                : null;
            var same = after.List("same").Select(i => Argument(i, tool, known, problems)).OfType<string>().ToList();
            var within = Window(after);
            after.Close();
            if (known is not null)
                conditions.Add(new AfterCondition(known.Name, same, within, node.Position));
        }
    }

    public static string? Argument(YamlNode node, ToolPin? tool, ToolPin? before, Problems problems)
    {
        var name = (node as YamlScalar)?.Text ?? "";
        foreach (var pin in (ReadOnlySpan<ToolPin?>)[tool, before])
        {
            if (pin is null || pin.Arguments.Find(name) is { Shape: not OpaqueShape })
                continue;
            problems.Add(
                node.Position,
                $"'{pin.Name}' has no argument '{name}' that policies see",
                problems.Suggest(name, pin.Arguments.Properties.Select(p => p.Name)));
            return null;
        }

        return name;
    }

    private static void ReadFailure(
        YamlSection section, BundleDefinition bundle, List<HistoryCondition> conditions, Problems problems)
    {
        switch (section.Find("never_after_failure"))
        {
            case null:
                break;
            case YamlSequence list:
                var tools = list.Items.OfType<YamlScalar>().Where(
                    s => GrantReader.FindTool(s, bundle, problems)).ToList();
                if (tools.Count == 0)
                    problems.Add(list.Position, "'never_after_failure' names no tool", "write true for any tool");
                conditions.Add(new NeverAfterFailureCondition(tools.Select(t => t.Text).ToList(), list.Position));
                break;
            case var node:
                if (section.Flag("never_after_failure") == true)
                    conditions.Add(new NeverAfterFailureCondition([], node.Position));
                break;
        }
    }

    private static TimeSpan? Window(YamlSection section) =>
        section.Has("within") ? section.Duration("within", ShortestWindow, ShortestWindow, LongestWindow) : null;
}
