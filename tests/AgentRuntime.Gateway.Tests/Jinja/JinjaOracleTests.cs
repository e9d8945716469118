using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Gateway.Jinja;
using AgentRuntime.TestKit;
using Xunit.Abstractions;
using Python = AgentRuntime.TestKit.Python;

namespace AgentRuntime.Gateway.Tests.Jinja;

/// <summary>
/// Templates of well-known families over conversations from a seed, and pieces of the language over values, against
/// Jinja2 itself in the environment that transformers makes.
/// </summary>
public sealed class JinjaOracleTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_template_renders_as_Jinja2_renders_it()
    {
        if (!Python.Has("jinja2"))
        {
            output.WriteLine("SKIPPED: python3-jinja2 is not installed");
            return;
        }

        var cases = Cases();
        var expected = await OracleAsync(cases);
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
        var folder = Path.Combine(Repository.Root, "tests", "AgentRuntime.Gateway.Tests", "Jinja");
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

    private static async Task<List<string?>> OracleAsync(List<(string Template, JsonObject Values)> cases)
    {
        var script = Path.Combine(Repository.Root, "tests", "AgentRuntime.Gateway.Tests", "Jinja", "oracle.py");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllLinesAsync(file, cases.Select(c =>
                new JsonObject { ["template"] = c.Template, ["values"] = c.Values.DeepClone() }.ToJsonString()));
            using var process = Python.Start(script, [file]);
            var text = await process.StandardOutput.ReadToEndAsync();
            var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            await process.WaitForExitAsync();
            Assert.Equal(cases.Count, lines.Length);
            return [.. lines.Select(l => JsonSerializer.Deserialize<string?>(l))];
        }
        finally
        {
            File.Delete(file);
        }
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
