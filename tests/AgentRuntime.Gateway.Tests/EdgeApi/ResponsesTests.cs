using System.Net;
using System.Text.Json;

namespace AgentRuntime.Gateway.Tests;

/// <summary>OpenAI's Responses API.</summary>
public class ResponsesTests
{
    [Fact]
    public async Task A_conversation_is_put_to_the_engine_as_a_chat()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var answer = await edge.PostAsync(
            "v1/responses",
            """
            {"model":"m","instructions":"Be brief","max_output_tokens":20,"input":[
              {"role":"user","content":[{"type":"input_text","text":"Order 7?"}]},
              {"type":"function_call","call_id":"c1","name":"look","arguments":"{}"},
              {"type":"function_call_output","call_id":"c1","output":"sent"}],
             "tools":[{"type":"function","name":"look","parameters":{"type":"object"}}],
             "text":{"format":{"type":"json_object"}}}
            """);

        var response = await EdgeHarness.JsonAsync(answer, HttpStatusCode.OK);
        var message = response.GetProperty("output")[0];
        Assert.Equal("Hello, world", message.GetProperty("content")[0].GetProperty("text").GetString());
        Assert.Equal("completed", response.GetProperty("status").GetString());
        Assert.Equal(13, response.GetProperty("usage").GetProperty("total_tokens").GetInt32());
        var body = Assert.Single(engine.Seen).Body;
        Assert.Equal(
            ["system", "user", "assistant", "tool"],
            body.GetProperty("messages").EnumerateArray().Select(m => m.GetProperty("role").GetString()!));
        Assert.Equal("look", body.GetProperty("tools")[0].GetProperty("function").GetProperty("name").GetString());
        Assert.Equal("json_object", body.GetProperty("response_format").GetProperty("type").GetString());
        Assert.Equal(20, body.GetProperty("max_completion_tokens").GetInt32());
    }

    [Fact]
    public async Task A_stream_has_the_events_in_their_order()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var answer = await edge.PostAsync("v1/responses", """{"model":"m","input":"hi","stream":true}""");
        var events = (await answer.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(e => JsonDocument.Parse(e[(e.IndexOf("data: ", StringComparison.Ordinal) + 6)..]).RootElement)
            .ToArray();

        Assert.Equal(
            [
                "response.created", "response.in_progress", "response.output_item.added",
                "response.content_part.added", "response.output_text.delta", "response.output_text.delta",
                "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                "response.output_item.done", "response.completed",
            ],
            events.Select(e => e.GetProperty("type").GetString()!));
        Assert.Equal(
            Enumerable.Range(0, events.Length), events.Select(e => e.GetProperty("sequence_number").GetInt32()));
        var whole = events[^1].GetProperty("response").GetProperty("output")[0].GetProperty("content")[0];
        Assert.Equal("Hello, world", whole.GetProperty("text").GetString());
    }

    [Fact]
    public async Task Media_go_to_the_engine_without_a_name_of_their_own()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var answer = await edge.PostAsync(
            "v1/responses",
            """
            {"model":"m","input":[{"role":"user","content":[
              {"type":"input_image","image_url":"data:image/png;base64,AA==","uuid":"x"}]}]}
            """);

        await EdgeHarness.JsonAsync(answer, HttpStatusCode.OK);
        Assert.Equal(
            """{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}""",
            Assert.Single(engine.Seen).Body.GetProperty("messages")[0].GetProperty("content")[0].GetRawText());
    }

    [Theory]
    [InlineData("""{"model":"m","input":[{"role":"user","content":[{"type":"image_embeds"}]}]}""", "AR1010")]
    [InlineData("""{"model":"m","input":"x","previous_response_id":"resp_1"}""", "AR1010")]
    [InlineData("""{"model":"m","input":"x","tools":[{"type":"web_search"}]}""", "AR1010")]
    [InlineData("""{"model":"m","input":[{"type":"computer_call"}]}""", "AR1010")]
    [InlineData("""{"model":"m"}""", "AR1004")]
    [InlineData("""{"input":"x"}""", "AR1004")]
    [InlineData("""[1]""", "AR1004")]
    public async Task What_is_not_offered_is_refused_by_name(string body, string code)
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var answer = await edge.PostAsync("v1/responses", body);

        Assert.Equal(code, await EdgeHarness.OpenAiErrorAsync(answer, HttpStatusCode.BadRequest));
    }
}
