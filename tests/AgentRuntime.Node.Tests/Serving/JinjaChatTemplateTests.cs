using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Prompting;
using AgentRuntime.Prompts.Jinja;
using AgentRuntime.Prompts.ToolCalls;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Serving;

/// <summary>The templates of well-known families as a model's file carries them.</summary>
public sealed class JinjaChatTemplateTests(ITestOutputHelper output)
{
    private const string Tool = """
        {"name":"look_up","description":"Finds é","parameters":{"type":"object","properties":{"id":{"type":"string"}}}}
        """;

    [Theory]
    [InlineData("chatml", ToolCallSyntax.Unknown)]
    [InlineData("deepseek", ToolCallSyntax.Unknown)]
    [InlineData("gemma", ToolCallSyntax.Unknown)]
    [InlineData("hermes", ToolCallSyntax.Hermes)]
    [InlineData("llama2", ToolCallSyntax.Unknown)]
    [InlineData("llama3.1", ToolCallSyntax.Llama3)]
    [InlineData("mistral", ToolCallSyntax.MistralList)]
    [InlineData("phi3", ToolCallSyntax.Unknown)]
    [InlineData("qwen2.5", ToolCallSyntax.Hermes)]
    [InlineData("qwen3", ToolCallSyntax.Hermes)]
    public async Task Each_renders_what_Jinja2_renders(string name, object syntax)
    {
        // Hermes' own files have two: this one renders no conversation without tools.
        var source = JinjaOracle.Template(name == "hermes" ? "chatml" : name);
        var withTools = JinjaOracle.Template(name);
        var template = Of(source, withTools: withTools);
        Assert.Equal(syntax, template.Calls);
        if (!JinjaOracle.IsHere)
        {
            output.WriteLine("SKIPPED: python3-jinja2 is not installed");
            return;
        }

        RequestMessage[] plain =
            [new("system", "Be brief."), new("user", "Hi"), new("assistant", "Yes?"), new("user", "é")];
        RequestMessage[] called =
        [
            .. plain, new("assistant", "") { ToolCalls = [new("look_up", """{"id":"a\"b","n":1.5}""", "abcDEF123")] },
            new("tool", "found") { Name = "look_up", CallId = "abcDEF123" },
        ];
        RequestTool[] tools = [new("look_up", Tool, null)];

        var expected = await JinjaOracle.RenderAsync(
            [(source, Values(plain, [])), (withTools, Values(called, tools))]);

        Assert.Equal(expected[0], template.Render(plain, []));
        if (template.Calls != ToolCallSyntax.Unknown) Assert.Equal(expected[1], template.Render(called, tools));
    }

    [Fact]
    public void A_token_that_the_tokenizer_adds_is_not_there_twice()
    {
        const string Source = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}{{ eos_token }}";
        RequestMessage[] messages = [new("user", "<s>x")];

        Assert.Equal("<s>x</s>", Of(Source, begins: true).Render(messages, []));
        Assert.Equal("<s><s>x</s>", Of(Source, begins: false).Render(messages, []));
    }

    [Fact]
    public void What_the_system_says_comes_first_where_a_template_has_no_place_for_it()
    {
        var template = Of(
            "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('none') }}{% endif %}"
            + "[{{ m.role }}] {{ m.content }}{% endfor %}");

        Assert.Equal(
            "[user] a\n\nb\n\nc", template.Render([new("system", "a"), new("system", "b"), new("user", "c")], []));
        Assert.Equal("[user] a[assistant] b", template.Render([new("system", "a"), new("assistant", "b")], []));
        var refused = Assert.Throws<JinjaException>(() => template.Render([new("user", "a"), new("system", "b")], []));
        Assert.True(refused.RaisedByTemplate);
    }

    [Fact]
    public void A_template_that_reads_parts_gets_them() => Assert.Equal(
        "user: x", Of("{% for m in messages %}{{ m.role }}: {{ m.content[0]['text'] }}{% endfor %}")
            .Render([new("user", "x")], []));

    [Fact]
    public void What_a_client_sets_reaches_the_template_and_nothing_that_the_request_says()
    {
        var template = Of("{{ bos_token }}{{ messages | length }}{{ messages[0].content }}{{ mood }}");
        using var arguments = JsonDocument.Parse(
            """{"mood":"<|im_end|>","messages":[],"bos_token":"no","add_generation_prompt":false}""");

        Assert.Equal("<s>1x(im_end)", template.Render([new("user", "x")], [], arguments.RootElement));
    }

    [Fact]
    public void Tools_and_calls_spell_no_control_tokens()
    {
        var tool = """{"name":"f","description":"\u003c|im_end|>","parameters":{"<|im_end|>":1}}""";
        RequestMessage[] messages =
        [
            new("user", "x"), new("assistant", "") { ToolCalls = [new("<|im_end|>", """{"a":"<|im_\u0065nd|>"}""")] },
            new("tool", "y") { Name = "<|im_end|>" },
        ];
        var qwen = JinjaOracle.Template("qwen2.5");
        var (own, with) = (Of(qwen).Render([new("user", "x")], []), Of(qwen).Render(messages, [new("f", tool, null)]));

        // The system's turn, the user's, and of the call and its result one each.
        Assert.Equal(2, own.Split("<|im_end|>").Length - 1);
        Assert.Equal(4, with.Split("<|im_end|>").Length - 1);
        Assert.Equal(4, with.Split("(im_end)").Length - 1);
    }

    [Fact]
    public void Mistrals_templates_get_ids_of_nine_letters_and_digits_which_tell_what_belongs_together()
    {
        var template = Of(JinjaOracle.Template("mistral"));
        RequestTool[] tools = [new("look_up", Tool, null)];
        RequestMessage[] Messages(string? one, string? two) =>
        [
            new("user", "x"),
            new("assistant", "") { ToolCalls = [new("look_up", "{}", one), new("look_up", "{}", two)] },
            new("tool", "two") { CallId = two }, new("tool", "one") { CallId = one }, new("assistant", "y"),
            new("user", "z"), new("assistant", "") { ToolCalls = [new("look_up", "{}")] }, new("tool", "three"),
        ];

        var kept = IdsOf(template.Render(Messages("abcDEF123", "123456789"), tools));
        Assert.Equal(["abcDEF123", "123456789", "123456789", "abcDEF123", "000000000", "000000000"], kept);
        var made = IdsOf(template.Render(Messages("call_1", "call_2"), tools));
        Assert.Equal((made[0], made[1]), (made[3], made[2]));
        Assert.Equal(3, made.Distinct().Count());
        Assert.Equal(made, IdsOf(template.Render(Messages("call_1", "call_2"), tools)));
        // Without ids results come in the order of their calls.
        Assert.Equal(
            ["000000000", "000000001", "000000000", "000000001", "000000002", "000000002"],
            IdsOf(template.Render(Messages(null, null), tools)));

        static string[] IdsOf(string text) =>
            [.. Regex.Matches(text, "id\": \"[a-zA-Z0-9]{9}\"", RegexOptions.NonBacktracking)
                .Select(m => m.Value[^10..^1])];
    }

    [Theory]
    [InlineData("{% for m in messages %}", "")]
    [InlineData("always the same", "it renders no conversation")]
    [InlineData("{% include 'x' %}{{ messages[0].content }}", "")]
    public void One_that_cannot_be_used_says_why(string source, string why) => Assert.Contains(
        why, Assert.Throws<JinjaException>(() => Of(source)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_call_of_an_earlier_turn_has_arguments_that_are_JSON() => Assert.Contains(
        "arguments are not JSON",
        Assert.Throws<JinjaException>(() => Of(JinjaOracle.Template("qwen2.5")).Render(
            [new("user", "x"), new("assistant", "") { ToolCalls = [new("f", "{")] }], [])).Message,
        StringComparison.Ordinal);

    private static JinjaChatTemplate Of(string source, bool begins = false, string? withTools = null) => new(
        new(source, withTools, "<s>", "</s>", begins),
        text => text.Replace("<|im_end|>", "(im_end)", StringComparison.Ordinal), TimeProvider.System);

    private static JsonObject Values(RequestMessage[] messages, RequestTool[] tools)
    {
        JsonObject Message(RequestMessage message)
        {
            var value = new JsonObject { ["role"] = message.Role, ["content"] = message.Content };
            if (message.ToolCalls.Count > 0)
                value["tool_calls"] = new JsonArray([.. message.ToolCalls.Select(call => new JsonObject
                {
                    ["id"] = call.Id,
                    ["type"] = "function",
                    ["function"] = new JsonObject
                    {
                        ["name"] = call.Name, ["arguments"] = JsonNode.Parse(call.ArgumentsJson),
                    },
                })]);
            if (message.Name is { } name) value["name"] = name;
            if (message.CallId is { } id) value["tool_call_id"] = id;
            return value;
        }

        return new()
        {
            ["messages"] = new JsonArray([.. messages.Select(Message)]),
            ["tools"] = tools.Length == 0 ? null : new JsonArray([.. tools.Select(tool => new JsonObject
            {
                ["type"] = "function", ["function"] = JsonNode.Parse(tool.Json),
            })]),
            ["documents"] = null,
            ["add_generation_prompt"] = true,
            ["bos_token"] = "<s>",
            ["eos_token"] = "</s>",
        };
    }
}
