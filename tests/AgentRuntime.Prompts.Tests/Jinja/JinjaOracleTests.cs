using System.Text.Json.Nodes;
using AgentRuntime.Prompts.Jinja;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Prompts.Tests.Jinja;

/// <summary>
/// Templates of well-known families over conversations from a seed, and pieces of the language over values, against
/// Jinja2 itself in the environment that transformers makes.
/// </summary>
public sealed class JinjaOracleTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_template_renders_as_Jinja2_renders_it()
    {
        if (!JinjaOracle.IsHere)
        {
            output.WriteLine("SKIPPED: python3-jinja2 is not installed");
            return;
        }

        var cases = Cases();
        var expected = await JinjaOracle.RenderAsync(cases);
        var refused = 0;
        for (var i = 0; i < cases.Count; i++)
        {
            var (template, values) = cases[i];
            refused += expected[i] is null ? 1 : 0;
            Assert.True(
                expected[i] == Render(template, values),
                $"{template}\n{values.ToJsonString()}\nexpected: {expected[i]}\nis: {Render(template, values)}");
        }

        output.WriteLine($"{cases.Count} renderings, of which {refused} are refused by both");
        // An oracle that refuses everything would prove nothing.
        Assert.InRange(refused, 1, cases.Count / 3);
    }

    private static List<(string Template, JsonObject Values)> Cases()
    {
        var conversations = new ConversationMaker(seed: 20260214);
        var folder = JinjaOracle.Folder;
        var cases = new List<(string, JsonObject)>();
        foreach (var file in Directory.GetFiles(Path.Combine(folder, "templates")).Order(StringComparer.Ordinal))
        {
            var template = File.ReadAllText(file);
            for (var i = 0; i < 60; i++)
                cases.Add((template, conversations.Next()));
        }

        foreach (var piece in File.ReadAllText(Path.Combine(folder, "pieces.txt")).Split("\n----\n"))
        {
            for (var i = 0; i < 6; i++)
                cases.Add((piece, conversations.NextValues()));
        }

        return cases;
    }

    private static string? Render(string template, JsonObject values)
    {
        try
        {
            return JinjaTemplate.Parse(template, TimeProvider.System)
                .Render(values.Select(v => KeyValuePair.Create(v.Key, JinjaValue.Of(v.Value))));
        }
        catch (JinjaException)
        {
            return null;
        }
    }
}
