using System.Text.Json.Nodes;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Models;

/// <summary>
/// The checked-in demo model on the tickets that were held out of its training (gateway/models/demo).
/// </summary>
public sealed class DemoModelTests(ITestOutputHelper output)
{
    private static readonly string Folder = Path.Combine(Repository.Root, "gateway", "models", "demo");

    [Theory]
    [InlineData("heldout.jsonl", 95)]
    [InlineData("heldout-wide.jsonl", 93)]
    public async Task The_demo_model_chooses_the_right_tool_with_the_right_arguments(string file, int least)
    {
        var model = Path.Combine(Folder, "demo.gguf");
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = model, ContextTokens = 1024, ParallelSequences = 8, Threads = 1,
            Device = DemoNode.Device, GpuLayers = DemoNode.GpuLayers,
        });
        var tickets = (await File.ReadAllLinesAsync(Path.Combine(Folder, file))).Select(l =>
            JsonNode.Parse(l)!).ToArray();
        var scores = new List<Score>();
        foreach (var group in tickets.Chunk(8))
            scores.AddRange(await Task.WhenAll(group.Select(ticket => RunAsync(node, ticket))));

        int Percent(Func<Score, bool> good) => 100 * scores.Count(good) / scores.Count;
        output.WriteLine($"{scores.Count} held-out tickets");
        output.WriteLine($"calls right: {Percent(s => s.CallsRight)} %");
        output.WriteLine($"answers word for word: {Percent(s => s.AnswerRight)} %");
        foreach (var intent in scores.GroupBy(s => s.Intent))
            output.WriteLine($"  {intent.Key}: calls right "
                + $"{100 * intent.Count(s => s.CallsRight) / intent.Count()} % of {intent.Count()}");
        foreach (var wrong in scores.Where(s => !s.CallsRight).Take(12)) output.WriteLine(wrong.Note);
        foreach (var wrong in scores.Where(s => s.CallsRight && !s.AnswerRight).Take(5)) output.WriteLine(wrong.Note);
        Assert.True(Percent(s => s.CallsRight) >= least, $"calls right: {Percent(s => s.CallsRight)} %");
    }

    /// <summary>Plays the ticket: the model's calls are compared, the recorded results are what it hears.</summary>
    private static async Task<Score> RunAsync(NodeServer node, JsonNode ticket)
    {
        var intent = (string)ticket["intent"]!;
        var heard = new JsonArray();
        var called = false;
        foreach (var message in ticket["messages"]!.AsArray())
        {
            var role = (string)message!["role"]!;
            var content = (string)message["content"]!;
            if (role == "assistant")
            {
                var (_, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", Body(heard,
                    ticket["tools"]!.AsArray()));
                var said = json["choices"]![0]!["message"]!;
                var call = said["tool_calls"]?[0]?["function"];
                if (!content.StartsWith("<tool_call>", StringComparison.Ordinal))
                {
                    return new(intent, call is null, (string?)said["content"] == content,
                        $"{content}\n    -> {said.ToJsonString()}");
                }

                var expected = JsonNode.Parse(content["<tool_call>".Length..^"</tool_call>".Length])!;
                if (call is null || !Same(expected, call)) return new(intent, false, false,
                    $"{content}\n    -> {said.ToJsonString()}");
                called = true;
                heard.Add(new JsonObject { ["role"] = "assistant", ["content"] = null,
                    ["tool_calls"] = said["tool_calls"]!.DeepClone() });
            }
            else
            {
                if (content.Length == 0) continue;
                var copy = new JsonObject { ["role"] = role, ["content"] = content };
                if (role == "tool") copy["tool_call_id"] = "x";
                heard.Add(copy);
            }
        }

        return new(intent, called, true, "");
    }

    /// <summary>The same tool and arguments; a refund's reason is free text and must only be there.</summary>
    private static bool Same(JsonNode expected, JsonNode actual)
    {
        var arguments = JsonNode.Parse((string)actual["arguments"]!)!.AsObject();
        var wanted = expected["arguments"]!.AsObject();
        return (string?)expected["name"] == (string?)actual["name"]
            && arguments.Count == wanted.Count
            && wanted.All(w => w.Key == "reason"
                ? arguments[w.Key] is { } reason && ((string)reason!).Length > 0
                : JsonNode.DeepEquals(w.Value, arguments[w.Key]));
    }

    private static JsonObject Body(JsonArray heard, JsonArray tools) => new()
    {
        ["messages"] = heard.DeepClone(),
        ["tools"] = new JsonArray([.. tools.Select(t => Tool((string)t!))]),
        ["temperature"] = 0,
        ["max_tokens"] = 120,
    };

    private static JsonObject Tool(string name)
    {
        var schema = name.Split("__")[^1] switch
        {
            "lookup_order" => """{"order_id":{"type":"string","minLength":1,"maxLength":64}}""",
            "refund" => """
                {"order_id":{"type":"string","minLength":1,"maxLength":64},
                 "amount_cents":{"type":"integer","minimum":1},
                 "reason":{"type":"string","minLength":1,"maxLength":500}}
                """,
            _ => """{"customer_id":{"type":"string","minLength":1,"maxLength":64}}""",
        };
        var properties = JsonNode.Parse(schema)!.AsObject();
        return new()
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = name,
                ["parameters"] = new JsonObject
                {
                    ["type"] = "object",
                    ["required"] = new JsonArray([.. properties.Select(p => JsonValue.Create(p.Key))]),
                    ["additionalProperties"] = false,
                    ["properties"] = properties,
                },
            },
        };
    }

    private sealed record Score(string Intent, bool CallsRight, bool AnswerRight, string Note);
}
