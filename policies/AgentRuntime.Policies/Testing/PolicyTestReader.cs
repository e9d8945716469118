using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads <c>tests/*.yaml</c>. Stateless.</summary>
internal static class PolicyTestReader
{
    public const int MaxTests = 10_000;

    /// <summary>The time of calls whose test says none.</summary>
    public static readonly DateTimeOffset DefaultTime = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly (string Word, Verdict Verdict)[] Verdicts =
        [("allow", Verdict.Allow), ("deny", Verdict.Deny), ("approval", Verdict.RequireApproval)];

    public static IReadOnlyList<PolicyTestCase> Read(IEnumerable<KeyValuePair<string, string>> files, Problems problems)
    {
        var cases = new List<PolicyTestCase>();
        foreach (var (path, text) in files)
        {
            if (YamlSection.Of(YamlReader.Read(path, text, problems), problems, "the file") is not { } root)
                continue;
            foreach (var node in root.List("tests"))
            {
                if (YamlSection.Of(node, problems, "a test") is { } section && ReadCase(section, problems) is { } test)
                    cases.Add(test);
            }

            root.Close();
        }

        if (cases.Count > MaxTests)
            problems.Add(default, $"the bundle has {cases.Count} tests", $"at most {MaxTests} are read");
        return cases;
    }

    private static PolicyTestCase? ReadCase(YamlSection section, Problems problems)
    {
        var before = problems.Count;
        var name = section.RequiredText("name", 300) ?? "";
        var agent = section.Text("agent");
        var client = section.Text("client");
        if (agent is null == client is null)
            problems.Add(section.Position, "a test names either an 'agent' or a 'client'");
        var at = ReadTime(section, problems);
        var call = ReadCall(section, at, problems);
        var expected = ReadVerdict(section, problems);
        var code = section.Text("code", 6);
        var reason = section.Text("reason");
        var policies = section.Has("policies")
            ? section.List("policies").OfType<YamlScalar>().Select(s => s.Text).ToList()
            : null;
        section.Close();
        return problems.Count == before && call is not null
            ? new(name, agent, client, call, expected, code, reason, policies, section.Position)
            : null;
    }

    private static TestCall? ReadCall(YamlSection section, DateTimeOffset at, Problems problems)
    {
        var tool = section.Text("call");
        var model = section.Text("model");
        var arguments = YamlJson.Convert(section.Find("arguments"));
        if (tool is null == model is null)
        {
            problems.Add(section.Position, "either a tool ('call') or a 'model' is asked for");
            return null;
        }

        return tool is not null
            ? new(PolicyAction.CallTool, tool, arguments, at)
            : new(PolicyAction.UseModel, model!, arguments, at);
    }

    private static DateTimeOffset ReadTime(YamlSection section, Problems problems)
    {
        if (section.Text("at") is not { } text)
            return DefaultTime;
        if (DateTimeOffset.TryParseExact(
            text, "yyyy-MM-dd'T'HH:mm:ssK", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
            return at;
        problems.Add(section.Find("at")!.Position, $"'{text}' is not a time", "write it as 2026-01-31T23:59:00Z");
        return DefaultTime;
    }

    private static Verdict ReadVerdict(YamlSection section, Problems problems)
    {
        var word = section.RequiredText("expect");
        foreach (var (known, verdict) in Verdicts)
        {
            if (known == word)
                return verdict;
        }

        if (word is not null)
            problems.Add(
                section.Find("expect")!.Position,
                $"'{word}' is no verdict",
                NearestName.Suggest(word, Verdicts.Select(v => v.Word).ToList()));
        return default;
    }
}
