using System.Text.Json;
using Microsoft.Extensions.AI;
using AiMessage = Microsoft.Extensions.AI.ChatMessage;
using AiOptions = Microsoft.Extensions.AI.ChatOptions;
using AiRole = Microsoft.Extensions.AI.ChatRole;

namespace AgentRuntime.Sdk.Tests;

/// <summary>What a chat client sends: all that it was given, or an exception that says what it cannot send.</summary>
public class ChatRequestTests
{
    private const string Pixel = "data:image/png;base64,iVBORw0KGgo=";

    private static readonly AITool Add =
        AIFunctionFactory.Create(static (int a) => a + 1, "add", "Adds one.");

    [Fact]
    public async Task Instructions_lead_the_messages()
    {
        var sent = await SentAsync(new AiOptions { Instructions = "Be brief." });
        var blank = await SentAsync(new AiOptions { Instructions = "  " });

        Assert.Equal(
            """[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]""", Text(sent, "messages"));
        Assert.Equal("""[{"role":"user","content":"Hi"}]""", Text(blank, "messages"));
    }

    [Fact]
    public async Task Every_option_has_its_member()
    {
        var sent = await SentAsync(new AiOptions
        {
            Temperature = 0.5f, TopP = 0.25f, TopK = 40, FrequencyPenalty = 1, PresencePenalty = -1, Seed = 7,
            MaxOutputTokens = 9, StopSequences = ["END"],
            AdditionalProperties = new() { ["min_p"] = 0.125, ["seed"] = 8, ["cache_salt"] = "s", ["stream"] = false },
        });

        Assert.Equal("0.5 0.25 40 1 -1 7 9", string.Join(' ',
            Text(sent, "temperature"), Text(sent, "top_p"), Text(sent, "top_k"), Text(sent, "frequency_penalty"),
            Text(sent, "presence_penalty"), Text(sent, "seed"), Text(sent, "max_tokens")));
        Assert.Equal("""["END"]""", Text(sent, "stop"));
        Assert.Equal(("0.125", "\"s\"", "true"), (Text(sent, "min_p"), Text(sent, "cache_salt"), Text(sent, "stream")));
        Assert.Single(sent.EnumerateObject(), member => member.Name == "seed");
    }

    [Theory]
    [InlineData("auto", "\"auto\"")]
    [InlineData("none", "\"none\"")]
    [InlineData("any", "\"required\"")]
    [InlineData("add", """{"type":"function","function":{"name":"add"}}""")]
    public async Task The_way_to_choose_tools_is_sent_beside_them(string choice, string json)
    {
        ChatToolMode mode = choice switch
        {
            "auto" => ChatToolMode.Auto,
            "none" => ChatToolMode.None,
            "any" => ChatToolMode.RequireAny,
            _ => ChatToolMode.RequireSpecific(choice),
        };

        var sent = await SentAsync(new AiOptions { Tools = [Add], ToolMode = mode, AllowMultipleToolCalls = false });

        Assert.Equal(json, Text(sent, "tool_choice"));
        Assert.Equal("false", Text(sent, "parallel_tool_calls"));
        Assert.Equal("add", sent.GetProperty("tools")[0].GetProperty("function").GetProperty("name").GetString());
    }

    [Fact]
    public async Task Without_tools_nothing_is_said_about_choosing_them()
    {
        var sent = await SentAsync(new AiOptions { ToolMode = ChatToolMode.Auto, AllowMultipleToolCalls = true });

        Assert.DoesNotContain(sent.EnumerateObject(), member => member.Name.Contains("tool", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_form_of_the_answer_is_sent()
    {
        var schema = JsonElement.Parse("""{"type":"object"}""");
        var text = await SentAsync(new AiOptions { ResponseFormat = ChatResponseFormat.Text });
        var any = await SentAsync(new AiOptions { ResponseFormat = ChatResponseFormat.Json });
        var one = await SentAsync(
            new AiOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(schema, "ticket", "A ticket.") });

        Assert.Equal("""{"type":"text"}""", Text(text, "response_format"));
        Assert.Equal("""{"type":"json_object"}""", Text(any, "response_format"));
        Assert.Equal(
            """{"type":"json_schema","json_schema":{"name":"ticket","description":"A ticket.","schema":"""
            + """{"type":"object"}}}""",
            Text(one, "response_format"));
    }

    [Fact]
    public async Task Images_are_parts_and_what_only_tells_of_an_answer_is_not_sent()
    {
        var sent = await SentAsync(null,
            new AiMessage(AiRole.User, [new TextContent("What is it?"), new DataContent(Pixel)]),
            new AiMessage(AiRole.User, [new UriContent("https://example.com/a.png", "image/png")]),
            new AiMessage(
                AiRole.Assistant,
                [new TextReasoningContent("Hm."), new TextContent("A dot."), new UsageContent(new UsageDetails())]));

        Assert.Equal(
            """[{"role":"user","content":[{"type":"text","text":"What is it?"},"""
            + $$$"""{"type":"image_url","image_url":{"url":"{{{Pixel}}}"}}]},"""
            + """{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]},"""
            + """{"role":"assistant","content":"A dot."}]""",
            Text(sent, "messages"));
    }

    [Fact]
    public async Task What_has_no_form_on_the_wire_is_refused_by_name()
    {
        var sound = await RefusedAsync(null, new AiMessage(
            AiRole.User, [new TextContent("Listen:"), new DataContent("data:audio/wav;base64,AAAA")]));
        var file = await RefusedAsync(null, new AiMessage(AiRole.User, [new HostedFileContent("f")]));
        var spoken = await RefusedAsync(null, new AiMessage(AiRole.Tool, "It is done."));
        var search = await RefusedAsync(
            new AiOptions { Tools = [new HostedWebSearchTool()] }, new AiMessage(AiRole.User, "Hi"));

        Assert.Contains("DataContent of audio/wav", sound, StringComparison.Ordinal);
        Assert.Contains("HostedFileContent", file, StringComparison.Ordinal);
        Assert.Contains("TextContent cannot be sent in a message of the role 'tool'", spoken, StringComparison.Ordinal);
        Assert.Contains("HostedWebSearchTool", search, StringComparison.Ordinal);
    }

    private static string Text(JsonElement sent, string member) => sent.GetProperty(member).GetRawText();

    private static async Task<JsonElement> SentAsync(AiOptions? options, params AiMessage[] messages)
    {
        await using var edge = await AnsweringAsync();
        using var client = edge.Client();
        using var chat = new RuntimeChatClient(client, "demo");
        await chat.GetResponseAsync(messages.Length > 0 ? messages : [new AiMessage(AiRole.User, "Hi")], options);
        return JsonElement.Parse(edge.Requests.Single().Body);
    }

    private static async Task<string> RefusedAsync(AiOptions? options, AiMessage message)
    {
        await using var edge = await AnsweringAsync();
        using var client = edge.Client();
        using var chat = new RuntimeChatClient(client, "demo");
        var refused = await Assert.ThrowsAsync<NotSupportedException>(() => chat.GetResponseAsync([message], options));
        Assert.Empty(edge.Requests);
        return refused.Message;
    }

    private static Task<ScriptedEdge> AnsweringAsync() => ScriptedEdge.StartAsync((
        "POST", "/v1/chat/completions", 200, "text/event-stream",
        """
        data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

        data: [DONE]


        """));
}
