using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Extensions.AI;
using AiMessage = Microsoft.Extensions.AI.ChatMessage;
using AiOptions = Microsoft.Extensions.AI.ChatOptions;
using AiRole = Microsoft.Extensions.AI.ChatRole;

namespace AgentRuntime.Sdk.Tests;

public class RuntimeChatClientTests
{
    [Fact]
    public async Task Text_usage_and_finish_reason_come_out_of_the_stream()
    {
        await using var edge = await StreamAsync(
            """{"id":"c","model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}""",
            """{"id":"c","model":"demo","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}""",
            """
            {"id":"c","model":"demo","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,
            "prompt_tokens_details":{"cached_tokens":4}}}
            """.ReplaceLineEndings(""));
        using var client = edge.Client();
        using var chat = new RuntimeChatClient(client, "demo");

        var response = await chat.GetResponseAsync(
            [new AiMessage(AiRole.User, "Hi")], new AiOptions { MaxOutputTokens = 5 });

        Assert.Equal("Hello", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal((9, 2, 4), (
            response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.CachedInputTokenCount));
        using var sent = JsonDocument.Parse(edge.Requests.Single().Body);
        Assert.Equal("demo", sent.RootElement.GetProperty("model").GetString());
        Assert.Equal(5, sent.RootElement.GetProperty("max_tokens").GetInt32());
        Assert.Equal("Hi", sent.RootElement.GetProperty("messages")[0].GetProperty("content").GetString());
    }

    [Fact]
    public async Task A_tool_call_is_put_together_from_its_pieces()
    {
        await using var edge = await StreamAsync(
            Piece("""{"index":0,"id":"t1","function":{"name":"add","arguments":"{\"a\""}}""", "null"),
            Piece("""{"index":0,"function":{"arguments":":1}"}}""", "\"tool_calls\""));
        using var client = edge.Client();
        using var chat = new RuntimeChatClient(client, "demo");

        var response = await chat.GetResponseAsync([new AiMessage(AiRole.User, "Hi")]);

        var call = Assert.Single(response.Messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>());
        Assert.Equal(("t1", "add"), (call.CallId, call.Name));
        Assert.Equal("1", call.Arguments!["a"]!.ToString());
    }

    [Fact]
    public async Task A_tools_result_goes_back_as_a_tool_message()
    {
        await using var edge = await StreamAsync("""{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
        using var client = edge.Client();
        using var chat = new RuntimeChatClient(client, "demo");

        var arguments = new Dictionary<string, object?> { ["a"] = 1 };
        await chat.GetResponseAsync(
        [
            new AiMessage(AiRole.User, "add"),
            new AiMessage(AiRole.Assistant, [new FunctionCallContent("t1", "add", arguments)]),
            new AiMessage(AiRole.Tool, [new FunctionResultContent("t1", "2")]),
        ]);

        using var sent = JsonDocument.Parse(edge.Requests.Single().Body);
        var messages = sent.RootElement.GetProperty("messages");
        Assert.Equal("""{"a":1}""",
            messages[1].GetProperty("tool_calls")[0].GetProperty("function").GetProperty("arguments").GetString());
        Assert.Equal(("tool", "t1", "2"), (
            messages[2].GetProperty("role").GetString(),
            messages[2].GetProperty("tool_call_id").GetString(),
            messages[2].GetProperty("content").GetString()));
    }

    [Fact]
    public async Task A_stream_that_breaks_off_throws_its_code()
    {
        await using var edge = await StreamAsync(
            """{"choices":[{"index":0,"delta":{"content":"Hel"}}]}""",
            """{"error":{"message":"the engine went away","code":"AR4004"}}""");
        using var client = edge.Client();
        using var chat = new RuntimeChatClient(client, "demo");

        var broken = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => chat.GetResponseAsync([new AiMessage(AiRole.User, "Hi")]));

        Assert.Equal(ReasonCodes.EngineDiedMidStream, broken.Error.Code);
    }

    private static string Piece(string call, string finish) =>
        """{"choices":[{"index":0,"delta":{"tool_calls":[""" + call + """]},"finish_reason":""" + finish + "}]}";

    private static Task<ScriptedEdge> StreamAsync(params string[] chunks) => ScriptedEdge.StartAsync((
        "POST",
        "/v1/chat/completions",
        200,
        "text/event-stream",
        string.Concat(chunks.Append("[DONE]").Select(chunk => $"data: {chunk}\n\n"))));
}
