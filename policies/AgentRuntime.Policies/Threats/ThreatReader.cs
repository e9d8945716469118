using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads <c>threats</c> of <c>bundle.yaml</c>. Stateless.</summary>
internal static class ThreatReader
{
    public const int MaxRules = 64;
    public const int MaxCount = 1_000;

    public static IReadOnlyList<ThreatRule> Read(YamlSection? section, Problems problems)
    {
        if (section is null)
            return [];
        if (section.Entries.Count > MaxRules)
        {
            problems.Add(section.Position, $"{section.Entries.Count} threats", $"at most {MaxRules} are read");
            return [];
        }

        var rules = new List<ThreatRule>();
        foreach (var entry in section.Entries)
        {
            var name = entry.Key.Text;
            Names.Check(Names.IsLabel(name), name, "a threat rule", Names.LabelForm, entry.Key.Position, problems);
            if (YamlSection.Of(entry.Value, problems, $"the threat rule '{name}'") is { } rule
                && ReadRule(name, rule, entry.Key.Position, problems) is { } read)
                rules.Add(read);
        }

        return rules;
    }

    /// <summary>Checks the agents and tools that rules name, once those are known.</summary>
    public static void CheckNames(BundleDefinition bundle, Problems problems)
    {
        var agents = bundle.Agents.Select(a => a.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var rule in bundle.Threats)
        {
            foreach (var agent in rule.Agents.Where(a => !agents.Contains(a)))
                problems.Add(
                    rule.Position,
                    $"the threat rule '{rule.Name}' watches the agent '{agent}', which the bundle does not name",
                    problems.Suggest(agent, agents));
            foreach (var tool in rule.Tools.Where(t => bundle.FindTool(t) is null))
                problems.Add(
                    rule.Position,
                    $"the threat rule '{rule.Name}' counts the tool '{tool}', which no server of the bundle offers",
                    problems.Suggest(tool, bundle.Tools.Select(t => t.Name)));
        }
    }

    private static ThreatRule? ReadRule(string name, YamlSection rule, BundlePosition at, Problems problems)
    {
        var before = problems.Count;
        if (!rule.Has("when"))
            problems.Add(rule.Position, $"the threat rule '{name}' lacks 'when'", "when: {denials: 5, within: 1m}");
        var when = rule.Section("when");
        var denials = when?.Has("denials") ?? false;
        var failures = when?.Has("failures") ?? false;
        if (when is not null && denials == failures)
            problems.Add(when.Position, "'when' counts either 'denials' or 'failures'");
        var count = denials
            ? when!.Integer("denials", 5, 1, MaxCount)
            : when?.Integer("failures", 5, 1, MaxCount) ?? 0;
        var within = when?.Duration(
            "within", TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)) ?? default;
        var scope = when?.Text("of") ?? "run";
        if (scope is not ("run" or "agent"))
            problems.Add(
                when!.Find("of")!.Position,
                $"'{scope}' is not whose calls are counted",
                problems.Suggest(scope, ["run", "agent"]));
        var tools = Texts(when, "tools", problems);
        var codes = Texts(when, "codes", problems);
        foreach (var code in codes.Where(c => !IsCode(c)))
            problems.Add(when!.Find("codes")!.Position, $"'{code}' is no code of a denial", "such as AR2002");
        if (codes.Count > 0 && failures)
            problems.Add(when!.Find("codes")!.Position, "'codes' are those of denials", "count 'denials'");
        when?.Close();

        var word = rule.RequiredText("then") ?? "warn";
        var effect = Array.IndexOf(ThreatRule.EffectWords, word) + 1;
        if (effect == 0)
            problems.Add(
                rule.Find("then")!.Position,
                $"'{word}' is nothing that a threat rule can do",
                problems.Suggest(word, ThreatRule.EffectWords));
        var lasts = rule.Duration("for", TimeSpan.FromMinutes(15), TimeSpan.FromSeconds(1), TimeSpan.FromDays(30));
        var pace = rule.Duration("pace", TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        if (rule.Has("pace") && (ThreatEffect)effect != ThreatEffect.Throttle)
            problems.Add(rule.Find("pace")!.Position, "'pace' belongs to 'then: throttle'");
        var agents = Texts(rule, "agents", problems);
        var reason = rule.Text("reason", 300);
        rule.Close();
        return problems.Count > before
            ? null
            : new(
                name,
                denials ? ThreatSignal.Denials : ThreatSignal.Failures,
                count,
                within,
                scope == "agent",
                (ThreatEffect)effect,
                lasts,
                at)
            {
                Pace = pace, Agents = agents, Tools = tools, Codes = codes, Reason = reason,
            };
    }

    private static bool IsCode(string text) =>
        text is ['A', 'R', >= '1' and <= '8', _, _, _] && text.Skip(2).All(char.IsAsciiDigit);

    private static List<string> Texts(YamlSection? section, string key, Problems problems)
    {
        var texts = new List<string>();
        foreach (var node in section?.List(key) ?? [])
        {
            if (node is YamlScalar { IsNull: false } scalar)
                texts.Add(scalar.Text);
            else
                problems.Add(node.Position, $"'{key}' is a list of names, and this is {node.Kind}");
        }

        return texts;
    }
}
