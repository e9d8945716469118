using System.Text.Json.Nodes;
using AgentRuntime.Node.Prompting;
using AgentRuntime.TestKit;

namespace AgentRuntime.Node.Tests.Serving;

/// <summary>
/// Models of other families than Hermes' are shown tools by the template of their file, and their calls are held to the
/// schemas and read, as they write them.
/// </summary>
public sealed class CallSyntaxServingTests
{
    private const string Refund = """
        {"type":"function","function":{"name":"refund","parameters":{"type":"object","properties":{
          "order_id":{"type":"string","minLength":1,"maxLength":12},"kind":{"enum":["full","part"]}},
          "required":["order_id","kind"],"additionalProperties":false}}}
        """;

    /// <summary>As of Mistral's tokenizer of version 11.</summary>
    private const string Names = """
        {%- for m in messages %}
        {%- if m.role == 'user' %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS][INST]{{ m.content }}[/INST]
        {%- elif m.tool_calls %}{% for c in m.tool_calls -%}
        [TOOL_CALLS]{{ c.function.name }}[CALL_ID]{{ c.id }}[ARGS]{{ c.function.arguments | tojson }}
        {%- endfor %}{{ eos_token }}
        {%- elif m.role == 'tool' %}[TOOL_RESULTS]{{ m.tool_call_id }}[TOOL_CONTENT]{{ m.content }}[/TOOL_RESULTS]
        {%- else %}{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}
        """;

    private static readonly string[] Controls = ["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", "[TOOL_RESULTS]", "[INST]"];

    [Theory]
    [InlineData("llama3.1")]
    [InlineData("mistral")]
    [InlineData("names")]
    public async Task A_required_call_fits_and_its_result_goes_on_with_the_conversation(string template)
    {
        await using var node = await StartAsync(template);
        var body = Body("Refund it.");
        body["tool_choice"] = "required";
        body["parallel_tool_calls"] = false;

        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);

        Assert.True(status == 200, json.ToJsonString());
        Assert.Equal("tool_calls", (string?)json["choices"]![0]!["finish_reason"]);
        var message = json["choices"]![0]!["message"]!.AsObject();
        Assert.True(string.IsNullOrEmpty((string?)message["content"]), json.ToJsonString());
        var call = Assert.Single(message["tool_calls"]!.AsArray())!;
        CheckArguments(call);

        body = Body("Refund it.");
        body["messages"]!.AsArray().Add(message.DeepClone());
        body["messages"]!.AsArray().Add(new JsonObject
        {
            ["role"] = "tool", ["content"] = "done", ["tool_call_id"] = (string)call["id"]!,
        });
        body["max_tokens"] = 4;
        body["ignore_eos"] = true;
        (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        Assert.True(status == 200, json.ToJsonString());
        Assert.Equal(4, (int)json["usage"]!["completion_tokens"]!);
    }

    [Theory]
    [InlineData(65_536, 200)]
    [InlineData(65_537, 400)]
    public async Task The_id_of_a_call_may_be_long(int characters, int expected)
    {
        await using var node = await StartAsync("mistral");
        var id = new string('é', characters);
        var body = Body("Refund it.");
        body["max_tokens"] = 4;
        body["ignore_eos"] = true;
        body["messages"]!.AsArray().Add(new JsonObject
        {
            ["role"] = "assistant",
            ["tool_calls"] = new JsonArray(new JsonObject
            {
                ["id"] = id,
                ["function"] = new JsonObject { ["name"] = "refund", ["arguments"] = "{}" },
            }),
        });
        body["messages"]!.AsArray().Add(new JsonObject
        {
            ["role"] = "tool", ["content"] = "done", ["tool_call_id"] = id,
        });

        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);

        Assert.Equal(expected, status);
        if (expected == 400) Assert.Equal("AR1004", (string?)json["error"]!["code"]);
    }

    [Fact]
    public async Task A_call_that_begins_with_a_control_token_is_held_and_read()
    {
        await using var node = await StartAsync("names");
        var body = Body("Refund it.");
        body["parallel_tool_calls"] = false;
        // The model of noise would begin no call by itself.
        body["logit_bias"] = new JsonObject { [$"{TokenOf(node, "[TOOL_CALLS]")}"] = 100 };
        var (_, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);

        Assert.Equal("tool_calls", (string?)json["choices"]![0]!["finish_reason"]);
        CheckArguments(Assert.Single(json["choices"]![0]!["message"]!["tool_calls"]!.AsArray())!);

        body["stream"] = true;
        using var http = DemoNode.Client(node);
        using var response = await http.PostAsync("/v1/chat/completions", JsonContent(body));
        var text = await response.Content.ReadAsStringAsync();
        Assert.Contains("\"name\":\"refund\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("TOOL_CALLS", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_marks_calls_is_not_shown_where_there_are_no_tools()
    {
        await using var node = await StartAsync("names");
        var body = Body("Say it.");
        body.Remove("tools");
        body["max_tokens"] = 3;
        body["logit_bias"] = new JsonObject { [$"{TokenOf(node, "[TOOL_CALLS]")}"] = 100 };
        var (_, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);

        Assert.Equal("", DemoNode.Text(json));
        Assert.Equal(3, (int)json["usage"]!["completion_tokens"]!);
    }

    [Theory]
    [InlineData("llama3.1", "llama3_json")]
    [InlineData("mistral", "mistral")]
    [InlineData("names", "mistral")]
    [InlineData("gemma", "hermes")]
    public void The_router_is_told_how_calls_are_read(string template, string parser)
    {
        DemoNode.LoadLibrary();
        using var tokenizer = GgufTokenizer.Load(Model(template));
        Assert.Equal(parser, tokenizer.ToolCallParser);
        var marker = Assert.Single(Enumerable.Range(0, 2000), t =>
            tokenizer.BytesOf(t).Span.SequenceEqual("[TOOL_CALLS]"u8));
        Assert.True(tokenizer.IsControl(marker));
        Assert.False(tokenizer.IsControl('a'));
        Assert.False(tokenizer.IsControl(-1));
    }

    private static void CheckArguments(JsonNode call)
    {
        Assert.Equal("refund", (string?)call["function"]!["name"]);
        var arguments = JsonNode.Parse((string)call["function"]!["arguments"]!)!.AsObject();
        Assert.Equal(["kind", "order_id"], arguments.Select(a => a.Key).Order());
        Assert.InRange(((string)arguments["order_id"]!).EnumerateRunes().Count(), 1, 12);
        Assert.Contains((string)arguments["kind"]!, (string[])["full", "part"]);
    }

    private static JsonObject Body(string text)
    {
        var body = DemoNode.Chat(text, 200);
        body["tools"] = new JsonArray(JsonNode.Parse(Refund));
        body["ignore_eos"] = false;
        return body;
    }

    private static StringContent JsonContent(JsonObject body) =>
        new(body.ToJsonString(), System.Text.Encoding.UTF8, "application/json");

    private static int TokenOf(NodeServer node, string text) =>
        Enumerable.Range(0, node.Service.Model.VocabularySize).First(t => node.Service.Model.TokenText(t) == text);

    private static Task<NodeServer> StartAsync(string template) =>
        DemoNode.StartAsync(o => o with { ModelPath = Model(template), ContextTokens = 4096 });

    private static string Model(string template) => DemoNode.Write($"{template}.gguf", new()
    {
        ControlTokens = Controls,
        ChatTemplate = template == "names" ? Names : JinjaOracle.Template(template),
    });
}
