using System.Net;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway.Tests;

public class EmbeddingTests
{
    private const string Floats = """
        {"object":"list","model":"x","data":[{"index":0,"embedding":[0.5,-2]},{"index":1,"embedding":[1,0]}],
         "usage":{"prompt_tokens":7,"total_tokens":7}}
        """;

    [Fact]
    public async Task Texts_become_vectors_in_OpenAIs_form()
    {
        await using var engine = await EmbedderAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        var response = await edge.PostAsync(
            "v1/embeddings", """{"model":"m","input":["a","b"],"dimensions":2,"user":"u","priority":9}""");

        var list = await EdgeHarness.JsonAsync(response, HttpStatusCode.OK);
        Assert.Equal(("list", "m"), (list.GetProperty("object").GetString(), list.GetProperty("model").GetString()));
        Assert.Equal(2, list.GetProperty("data").GetArrayLength());
        Assert.Equal(-2, list.GetProperty("data")[0].GetProperty("embedding")[1].GetDouble());
        Assert.Equal(7, list.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.Equal("a", response.Headers.GetValues("x-agentruntime-decode-engine").Single());
        Assert.True(response.Headers.Contains("x-ratelimit-remaining-tokens"));
        var seen = Assert.Single(engine.Seen);
        Assert.Equal("/v1/embeddings", seen.Path);
        Assert.Equal(2, seen.Body.GetProperty("dimensions").GetInt32());
        Assert.False(seen.Body.TryGetProperty("priority", out _));
        Assert.Equal(Abstractions.CallOutcome.Succeeded, Assert.Single(await edge.Ports.SettledAsync()));
    }

    [Fact]
    public async Task Base64_is_given_to_who_asks_for_it_whatever_the_engine_writes()
    {
        await using var engine = await EmbedderAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        var packed = await EdgeHarness.JsonAsync(
            await edge.PostAsync("v1/embeddings", """{"model":"m","input":"a","encoding_format":"base64"}"""),
            HttpStatusCode.OK);
        var bytes = packed.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64();
        engine.Answer = (c, _) => c.Response.WriteAsync(
            $$$"""{"data":[{"embedding":"{{{Convert.ToBase64String(bytes)}}}"}],"usage":{"prompt_tokens":1} }""");
        var floats = await EdgeHarness.JsonAsync(
            await edge.PostAsync("v1/embeddings", """{"model":"m","input":[1,2,3]}"""), HttpStatusCode.OK);

        Assert.Equal((0.5f, -2f), (BitConverter.ToSingle(bytes), BitConverter.ToSingle(bytes, 4)));
        Assert.Equal(0.5, floats.GetProperty("data")[0].GetProperty("embedding")[0].GetDouble());
    }

    [Fact]
    public async Task Engines_without_embeddings_are_passed_over_and_not_asked_again()
    {
        await using var without = await ScriptedEngine.StartAsync("a");
        without.Answer = (c, _) => ScriptedEngine.RefuseAsync(c, 404);
        await using var with = await EmbedderAsync("b");
        await using var edge = await EdgeHarness.StartAsync([without, with]);

        for (var i = 0; i < 4; i++)
            await EdgeHarness.JsonAsync(await AskAsync(edge), HttpStatusCode.OK);

        Assert.InRange(without.Seen.Count, 0, 1);
        with.Answer = without.Answer;
        Assert.Equal("AR1008", await EdgeHarness.OpenAiErrorAsync(await AskAsync(edge), HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task An_engine_that_fails_is_replaced_and_what_it_refuses_is_refused()
    {
        await using var failing = await ScriptedEngine.StartAsync("a");
        failing.Answer = (c, _) => ScriptedEngine.RefuseAsync(c, 500);
        await using var good = await EmbedderAsync("b");
        await using var edge = await EdgeHarness.StartAsync([failing, good]);

        await EdgeHarness.JsonAsync(await AskAsync(edge), HttpStatusCode.OK);
        await EdgeHarness.JsonAsync(await AskAsync(edge), HttpStatusCode.OK);
        Func<HttpContext, JsonElement, Task> tooLong =
            (c, _) => ScriptedEngine.RefuseAsync(c, 400, """{"error":{"message":"maximum context length is 8"}}""");
        (good.Answer, failing.Answer) = (tooLong, tooLong);

        Assert.Equal("AR4006", await EdgeHarness.OpenAiErrorAsync(await AskAsync(edge), HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData("AADAfw==")] // NaN
    [InlineData("AACAfw==")] // infinity
    [InlineData("AAA=")]
    [InlineData("x")]
    public async Task What_an_engine_computed_wrongly_is_its_failure(string base64)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = (c, _) => c.Response.WriteAsync(
            "{\"data\":[{\"index\":0,\"embedding\":\"" + base64 + "\"}],\"usage\":{\"prompt_tokens\":1}}");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        Assert.Equal("AR4003", await EdgeHarness.OpenAiErrorAsync(await AskAsync(edge), HttpStatusCode.BadGateway));
    }

    [Fact]
    public async Task An_account_of_embeddings_is_never_above_what_was_reserved()
    {
        const string Body = """{"model":"m","input":"a"}""";
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = (c, _) => c.Response.WriteAsync(
            """{"data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":9223372036854775807}}""");
        await using var harness = await RouterHarness.StartAsync([engine]);

        var chunks = await harness.AskAsync(new(
            RouterHarness.Acme, "m", InferenceOperation.Embedding, Encoding.UTF8.GetBytes(Body), 1));

        Assert.Equal(Body.Length, chunks[^1].Usage!.Prompt.Value);
    }

    [Theory]
    [InlineData("""{"model":"m"}""", HttpStatusCode.BadRequest, "AR1004")]
    [InlineData("""{"model":"m","input":[]}""", HttpStatusCode.BadRequest, "AR1004")]
    [InlineData("""{"model":"m","input":"a","encoding_format":"hex"}""", HttpStatusCode.BadRequest, "AR1004")]
    [InlineData("""{"model":"m","input":"a","dimensions":0}""", HttpStatusCode.BadRequest, "AR1004")]
    [InlineData("""{"model":"other","input":"a"}""", HttpStatusCode.Forbidden, "AR2009")]
    public async Task What_is_wrong_is_refused_before_an_engine_sees_it(
        string body, HttpStatusCode status, string code)
    {
        await using var engine = await EmbedderAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        Assert.Equal(code, await EdgeHarness.OpenAiErrorAsync(await edge.PostAsync("v1/embeddings", body), status));
        Assert.Empty(engine.Seen);
    }

    [Fact]
    public async Task More_texts_than_allowed_are_refused()
    {
        await using var engine = await EmbedderAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine], new EdgeOptions { MaxEmbeddingInputs = 2 });

        var refused = await edge.PostAsync("v1/embeddings", """{"model":"m","input":["a","b","c"]}""");

        Assert.Equal("AR1004", await EdgeHarness.OpenAiErrorAsync(refused, HttpStatusCode.BadRequest));
    }

    private static Task<HttpResponseMessage> AskAsync(EdgeHarness edge) =>
        edge.PostAsync("v1/embeddings", """{"model":"m","input":"a"}""");

    private static async Task<ScriptedEngine> EmbedderAsync(string name)
    {
        var engine = await ScriptedEngine.StartAsync(name);
        engine.Answer = (c, _) => c.Response.WriteAsync(Floats);
        return engine;
    }
}
