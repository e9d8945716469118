using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads <c>tests/*.yaml</c>. Stateless.</summary>
internal static class PolicyTestReader
{
    public const int MaxTests = 10_000;

    private const string Approved = "approved";
    private const string Denied = "denied";

    /// <summary>The time of calls whose test says none.</summary>
    public static readonly DateTimeOffset DefaultTime = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly (string Word, Verdict Verdict)[] Verdicts =
        [("allow", Verdict.Allow), ("deny", Verdict.Deny), ("approval", Verdict.RequireApproval)];

    private static readonly (string Word, CallOutcome? Outcome)[] Outcomes =
    [
        ("succeeded", CallOutcome.Succeeded), ("failed", CallOutcome.Failed), ("not_sent", CallOutcome.NotSent),
        ("in_flight", null), (Approved, null), (Denied, null),
    ];

    public static IReadOnlyList<PolicyTestCase> Read(
        IEnumerable<KeyValuePair<string, string>> files, Problems problems, CancellationToken cancellationToken)
    {
        var cases = new List<PolicyTestCase>();
        foreach (var (path, text) in files)
        {
            if (YamlSection.Of(YamlReader.Read(path, text, problems), problems, "the file") is not { } root)
                continue;
            foreach (var node in root.List("tests"))
            {
                cancellationToken.ThrowIfCancellationRequested();
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
        if (agent is not null && !Names.IsQualified(agent))
            problems.Add(
                section.Find("agent")!.Position, $"'{agent}' is not a name for an agent", "it takes 'project/agent'");
        if (client is not null && !Names.IsLabel(client))
            problems.Add(
                section.Find("client")!.Position,
                $"'{client}' is not a name for a project",
                $"it takes {Names.LabelForm}");
        var at = ReadTime(section, problems);
        var question = ReadCall(section, at, problems);
        var history = ReadHistory(section, at, problems);
        var expected = ReadVerdict(section, problems);
        var code = section.Text("code", 6);
        var reason = section.Text("reason");
        var policies = section.Has("policies")
            ? section.List("policies").OfType<YamlScalar>().Select(s => s.Text).ToList()
            : null;
        section.Close();
        return problems.Count == before && question is not null
            ? new(
                name,
                question with { Caller = agent ?? client!, History = history },
                expected,
                code,
                reason,
                policies,
                section.Position)
            : null;
    }

    private static List<PolicyEvent> ReadHistory(YamlSection test, DateTimeOffset at, Problems problems)
    {
        var history = new List<PolicyEvent>();
        foreach (var node in test.List("history"))
        {
            if (YamlSection.Of(node, problems, "an event") is not { } section)
                continue;
            var ago = section.Duration("ago", TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromDays(365));
            var call = ReadCall(section, at - ago, problems);
            var word = section.Text("outcome") ?? "succeeded";
            var outcome = Array.FindIndex(Outcomes, o => o.Word == word);
            if (outcome < 0)
                problems.Add(
                    section.Find("outcome")!.Position,
                    $"'{word}' is no outcome",
                    problems.Suggest(word, Outcomes.Select(o => o.Word)));
            section.Close();
            if (call is not null && outcome >= 0)
            {
                history.Add(new(
                    call.Action, call.Resource, call.Arguments, call.At, Outcomes[outcome].Outcome, word == Approved,
                    word == Denied));
            }
        }

        return history;
    }

    private static PolicyQuestion? ReadCall(YamlSection section, DateTimeOffset at, Problems problems)
    {
        var tool = section.Text("call");
        var model = section.Text("model");
        var memory = section.Section("memory");
        var arguments = YamlJson.Convert(section.Find("arguments"));
        if ((tool is null ? 0 : 1) + (model is null ? 0 : 1) + (memory is null ? 0 : 1) != 1)
        {
            problems.Add(section.Position, "either a tool ('call'), a 'model' or 'memory' is asked for");
            return null;
        }

        if (memory is not null)
            return ReadMemory(memory, at, problems);

        return tool is not null
            ? new("", PolicyAction.CallTool, tool, arguments, at)
            : new("", PolicyAction.UseModel, model!, arguments, at);
    }

    private static PolicyQuestion? ReadMemory(YamlSection memory, DateTimeOffset at, Problems problems)
    {
        var read = memory.Text("read");
        var write = memory.Text("write");
        var key = memory.Text("key");
        memory.Close();
        if (read is null == write is null)
        {
            problems.Add(memory.Position, "'memory' names either a bucket to 'read' or one to 'write'");
            return null;
        }

        if (write is not null && key is null)
        {
            problems.Add(memory.Position, "what is written has a key", "add 'key: …'");
            return null;
        }

        var action = read is null ? PolicyAction.WriteMemory : PolicyAction.ReadMemory;
        return new("", action, read ?? write!, MemoryCalls.Arguments(key), at);
    }

    private static DateTimeOffset ReadTime(YamlSection section, Problems problems)
    {
        if (section.Text("at") is not { } text)
            return DefaultTime;
        if (DateTimeOffset.TryParseExact(
            text, "yyyy-MM-dd'T'HH:mm:ssK", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            && at.Year is >= 2000 and < 3000)
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
                problems.Suggest(word, Verdicts.Select(v => v.Word)));
        return default;
    }
}
