using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

public class InferenceTests
{
    [Fact]
    public async Task A_whole_answer_is_put_together_from_the_stream()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var response = await edge.ChatAsync();

        var answer = await EdgeHarness.JsonAsync(response, HttpStatusCode.OK);
        var choice = answer.GetProperty("choices")[0];
        Assert.Equal("Hello, world", choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        var details = answer.GetProperty("usage").GetProperty("prompt_tokens_details");
        Assert.Equal(4, details.GetProperty("cached_tokens").GetInt32());
        Assert.Equal("a", response.Headers.GetValues("x-agentruntime-decode-engine").Single());
        Assert.Equal("a", response.Headers.GetValues("x-agentruntime-prefill-engine").Single());
        Assert.Equal([CallOutcome.Succeeded], await edge.Ports.SettledAsync());
    }

    [Fact]
    public async Task Choices_tool_calls_and_logprobs_are_put_together()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            object[] calls =
            [
                new
                {
                    index = 0,
                    id = "call_1",
                    type = "function",
                    function = new { name = "look", arguments = "{\"a" },
                },
            ];
            object[] more = [new { index = 0, function = new { arguments = "\":1}" } }];
            await ScriptedEngine.WriteEventAsync(context, engine.ChatChunk(new { role = "assistant" }, null));
            await ScriptedEngine.WriteEventAsync(context, engine.ChatChunk(new { tool_calls = calls }, null));
            await ScriptedEngine.WriteEventAsync(context, engine.ChatChunk(new { content = "B1" }, null, index: 1));
            await ScriptedEngine.WriteEventAsync(context, engine.ChatChunk(new { tool_calls = more }, "tool_calls"));
            await ScriptedEngine.WriteEventAsync(
                context,
                """{"id":"c-a","model":"m","choices":[{"index":1,"delta":{"content":"B2"},"finish_reason":"stop","""
                    + """ "logprobs":{"content":[{"token":"B2","logprob":-0.5}]}}]}""");
            await ScriptedEngine.WriteEventAsync(context, engine.Usage(5, 0, 6));
            await ScriptedEngine.WriteEventAsync(context, "[DONE]");
        };
        await using var edge = await EdgeHarness.StartAsync([engine]);

        var answer = await EdgeHarness.JsonAsync(await edge.ChatAsync(""","n":2"""), HttpStatusCode.OK);

        var first = answer.GetProperty("choices")[0];
        var call = first.GetProperty("message").GetProperty("tool_calls")[0];
        Assert.Equal("""{"a":1}""", call.GetProperty("function").GetProperty("arguments").GetString());
        Assert.Equal("call_1", call.GetProperty("id").GetString());
        Assert.Equal(JsonValueKind.Null, first.GetProperty("message").GetProperty("content").ValueKind);
        Assert.Equal("tool_calls", first.GetProperty("finish_reason").GetString());
        var second = answer.GetProperty("choices")[1];
        Assert.Equal("B1B2", second.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("B2", second.GetProperty("logprobs").GetProperty("content")[0].GetProperty("token").GetString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_ends_with_done_and_has_usage_only_when_asked(bool asked)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var response = await edge.ChatAsync(
            asked ? ""","stream":true,"stream_options":{"include_usage":true}""" : ""","stream":true""");

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        var events = Events(await response.Content.ReadAsStringAsync());
        Assert.Equal("[DONE]", events[^1]);
        Assert.Equal(asked, events.Any(e => e.Contains("\"usage\"", StringComparison.Ordinal)));
        Assert.Equal(
            "Hello, world",
            string.Concat(events.SkipLast(1).Select(e => JsonDocument.Parse(e).RootElement.GetProperty("choices"))
                .Where(c => c.GetArrayLength() > 0)
                .Select(c => AnswerAssembly.Text(c[0].GetProperty("delta"), "content"))));
    }

    [Fact]
    public async Task Chunks_reach_the_client_as_they_are_made()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Answer = async (context, body) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("early"));
            await goOn.Task;
            await engine.AnswerWithWordsAsync(context, body);
        };
        await using var edge = await EdgeHarness.StartAsync([engine]);
        using var request = ChatRequest(stream: true);

        using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var line = await reader.ReadLineAsync();

        Assert.Contains("early", line, StringComparison.Ordinal);
        goOn.SetResult();
        Assert.EndsWith("data: [DONE]\n\n", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_breaks_ends_with_an_error_event_and_never_silently()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var received = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("early"));
            await received.Task;
            context.Abort();
        };
        await using var edge = await EdgeHarness.StartAsync([engine], null, o => o with { MaxAttempts = 1 });
        using var request = ChatRequest(stream: true);

        using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await reader.ReadLineAsync();
        received.SetResult();
        var events = Events(await reader.ReadToEndAsync());

        var error = JsonDocument.Parse(Assert.Single(events)).RootElement.GetProperty("error");
        Assert.Equal("AR4004", error.GetProperty("code").GetString());
        Assert.Equal([CallOutcome.Failed], await edge.Ports.SettledAsync());
    }

    [Fact]
    public async Task A_client_that_leaves_takes_its_request_off_the_engine()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("early"));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        };
        await using var edge = await EdgeHarness.StartAsync([engine]);
        using (var request = ChatRequest(stream: true))
        {
            using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            await reader.ReadLineAsync();
        }

        edge.Client.Dispose();

        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task Answers_carry_the_quota_in_both_forms()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var response = await edge.ChatAsync();

        Assert.Equal("600", Header("x-ratelimit-limit-requests"));
        Assert.Equal("200000", Header("x-ratelimit-limit-tokens"));
        Assert.Equal("599", Header("x-ratelimit-remaining-requests"));
        Assert.Equal("150000", Header("x-ratelimit-remaining-tokens"));
        Assert.Equal("43s", Header("x-ratelimit-reset-tokens"));
        Assert.Equal("\"requests\";r=599;t=43, \"tokens\";r=150000;t=43", Header("RateLimit"));
        Assert.Equal("\"requests\";q=600;w=60, \"tokens\";q=200000;w=60", Header("RateLimit-Policy"));

        string Header(string name) => string.Join(", ", response.Headers.GetValues(name));
    }

    [Fact]
    public async Task Models_are_those_that_are_served_and_granted()
    {
        await using var m = await ScriptedEngine.StartAsync("a");
        await using var secret = await ScriptedEngine.StartAsync("b", model: "secret");
        await using var edge = await EdgeHarness.StartAsync([m, secret]);

        var list = await EdgeHarness.JsonAsync(await edge.Client.GetAsync("v1/models"), HttpStatusCode.OK);

        Assert.Equal("m", Assert.Single(list.GetProperty("data").EnumerateArray()).GetProperty("id").GetString());
        Assert.Equal("AR1008", await EdgeHarness.OpenAiErrorAsync(
            await edge.Client.GetAsync("v1/models/secret"), HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task A_tenant_may_not_take_more_than_its_places()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Answer = async (context, body) =>
        {
            await goOn.Task;
            await engine.AnswerWithWordsAsync(context, body);
        };
        await using var edge = await EdgeHarness.StartAsync(
            [engine], new EdgeOptions { MaxInferenceRequestsPerTenant = 1 });
        var first = edge.ChatAsync();
        await Eventually.BecomesTrueAsync(() => engine.Seen.Count == 1);

        using var second = await edge.ChatAsync();
        using var other = new HttpRequestMessage(HttpMethod.Get, "v1/models");
        other.Headers.Authorization = new AuthenticationHeaderValue("Bearer", MemoryPorts.GlobexKey);
        using var others = await edge.Client.SendAsync(other);

        Assert.Equal("AR6004", await EdgeHarness.OpenAiErrorAsync(second, HttpStatusCode.TooManyRequests));
        Assert.NotNull(second.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, others.StatusCode);
        goOn.SetResult();
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
    }

    [Theory]
    [InlineData("v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]", 1, 16_000)]
    [InlineData("v1/responses", "\"input\":\"hi\",\"max_output_tokens\":32768", 250, 0)]
    public async Task A_client_that_takes_nothing_of_its_stream_gives_its_place_in_the_engine_back(
        string path, string prompt, int textChars, int otherChars)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var chunk = engine.ChatChunk(
            new { content = new string('x', textChars), padding = new string('y', otherChars) }, null);
        engine.Answer = async (context, _) =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
                await ScriptedEngine.WriteEventAsync(context, chunk);
        };
        await using var edge = await EdgeHarness.StartAsync(
            [engine], new EdgeOptions { ClientStallTimeout = TimeSpan.FromMilliseconds(100) });
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(
                $$"""{"model":"m",{{prompt}},"stream":true}""", Encoding.UTF8, "application/json"),
        };

        using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
        await Eventually.BecomesTrueAsync(() => edge.Router.Engines.Single().InFlight == 0);
    }

    private static HttpRequestMessage ChatRequest(bool stream) => new(HttpMethod.Post, "v1/chat/completions")
    {
        Content = new StringContent(
            $$"""{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":{{(stream ? "true" : "false")}}}""",
            Encoding.UTF8,
            "application/json"),
    };

    private static string[] Events(string body) =>
    [
        .. body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(e => e.Trim('\n'))
            .Where(e => e.StartsWith("data: ", StringComparison.Ordinal))
            .Select(e => e["data: ".Length..]),
    ];
}
