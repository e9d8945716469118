using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads a grant's <c>obligations</c>. Stateless.</summary>
internal static class ObligationReader
{
    public static GrantObligations? Read(YamlSection grant, ToolPin? tool, BundleDefinition bundle, Problems problems)
    {
        if (grant.Section("obligations") is not { } section || tool is null)
            return null;
        if (!bundle.HonoursObligations)
        {
            problems.Add(
                section.Position,
                "this platform does not honour obligations, so the call would be sent as it is",
                "refuse it with 'max' or 'when' instead");
        }

        var caps = ReadCaps(section, tool, problems);
        var redacted = new List<string>();
        foreach (var node in section.List("redact"))
        {
            if (HistoryReader.Argument(node, tool, null, problems) is not { } name)
                continue;
            if (tool.Arguments.Find(name)!.Shape is TextShape)
                redacted.Add(name);
            else
                problems.Add(node.Position, $"'{name}' is no text, so it cannot be redacted");
        }

        DataLabels? label = section.Has("label")
            ? BundleReader.ReadLabels(section.Section("label"), problems, new(true, Confidentiality.Public))
            : null;
        section.Close();
        return new(caps, redacted, label);
    }

    private static List<KeyValuePair<string, long>> ReadCaps(YamlSection section, ToolPin tool, Problems problems)
    {
        var limits = new List<ArgumentLimit>();
        ArgumentLimits.Read(section, LimitKind.Max, "cap", tool, limits, problems);
        var caps = new List<KeyValuePair<string, long>>();
        foreach (var limit in limits)
        {
            if (limit.Path.Count == 1 && limit.Shape is IntegerShape && Quantities.TryInteger(
                limit.Values[0], out var most))
                caps.Add(new(limit.Argument, most));
            else
                problems.Add(
                    limit.Position,
                    $"'{limit.Argument}' cannot be capped",
                    "only integers that are arguments themselves can");
        }

        return caps;
    }
}
