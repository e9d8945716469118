using System.Net;
using System.Net.Sockets;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Requests that the edge must not serve.</summary>
public class RefusalTests
{
    [Theory]
    [InlineData(null, "AR1001")]
    [InlineData("Basic YTpi", "AR1001")]
    [InlineData("Bearer nope", "AR1002")]
    [InlineData("Bearer ", "AR1001")]
    public async Task Without_a_valid_key_nothing_is_served(string? authorization, string code)
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        using var anonymous = new HttpClient { BaseAddress = edge.Address };
        if (authorization is not null)
            anonymous.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);

        foreach (var path in new[] { "v1/models", "v1/models/m" })
        {
            using var response = await anonymous.GetAsync(path);
            Assert.Equal(code, await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.Unauthorized));
            Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
        }

        foreach (var path in new[] { "v1/runs", "v1/agents", $"v1/runs/{RunId.New(TimeProvider.System)}" })
        {
            using var response = await anonymous.GetAsync(path);
            Assert.Equal(code, await EdgeHarness.ProblemAsync(response, HttpStatusCode.Unauthorized));
        }
    }

    [Fact]
    public async Task Health_needs_no_key()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        using var anonymous = new HttpClient { BaseAddress = edge.Address };

        Assert.Equal("ok", await anonymous.GetStringAsync("healthz"));
    }

    [Theory]
    [InlineData("{", "body")]
    [InlineData("[]", "body")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]}""", "model")]
    [InlineData("""{"model":"","messages":[{"role":"user","content":"x"}]}""", "model")]
    [InlineData("""{"model":"m"}""", "messages")]
    [InlineData("""{"model":"m","messages":[]}""", "messages")]
    [InlineData("""{"model":"m","messages":["x"]}""", "messages[0]")]
    [InlineData("""{"model":"m","model":"x","messages":[{"role":"user","content":"x"}]}""", "body")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"n":0}""", "n")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"n":99}""", "n")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":0}""", "max_tokens")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":1e9}""", "max_tokens")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"stream":"yes"}""", "stream")]
    public async Task A_malformed_request_names_what_is_wrong(string body, string where)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var response = await edge.PostAsync("v1/chat/completions", body);

        var error = (await EdgeHarness.JsonAsync(response, HttpStatusCode.BadRequest)).GetProperty("error");
        Assert.Equal("AR1004", error.GetProperty("code").GetString());
        Assert.Equal(where, error.GetProperty("param").GetString());
        Assert.Empty(engine.Seen);
    }

    [Fact]
    public async Task Json_that_nests_without_end_is_refused()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var response = await edge.PostAsync("v1/chat/completions", new string('[', 100_000));

        Assert.Equal("AR1004", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task Media_by_address_is_refused_because_the_engine_would_fetch_it()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var response = await edge.PostAsync(
            "v1/chat/completions",
            """{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"""
                + """{"url":"http://169.254.169.254/"}}]}]}""");

        Assert.Equal("AR1010", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData("v1/completions", "\"prompt\":\"x\"")]
    [InlineData("v1/completions", "\"prompt\":null")]
    [InlineData("v1/embeddings", "\"input\":\"x\"")]
    public async Task A_prompt_of_tensors_is_refused(string path, string prompt)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var response = await edge.PostAsync(path, $$"""{"model":"m",{{prompt}},"prompt_embeds":["AA=="]}""");

        Assert.Equal("AR1010", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.BadRequest));
        Assert.Empty(engine.Seen);
    }

    /// <summary>An engine finds them in what others have sent, or loads them as they are.</summary>
    [Theory]
    [InlineData("""{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="},"uuid":"x"}""")]
    [InlineData("""{"type":"image_url","image_url":null,"uuid":"x"}""")]
    [InlineData("""{"type":"text","text":"a","\u0075uid":"x"}""")]
    [InlineData("""{"type":"image_embeds","image_embeds":"AA=="}""")]
    [InlineData("""{"type":"audio_embeds","audio_embeds":null}""")]
    [InlineData("""{"image_embeds":{"a":"AA=="}}""")]
    [InlineData("""{"type":"image_pil","image_pil":"x"}""")]
    public async Task Media_that_an_engine_has_already_or_keeps_inside_are_refused(string part)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine], new EdgeOptions { AllowRemoteMedia = true });

        using var response = await edge.PostAsync(
            "v1/chat/completions",
            $$"""{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{{part}}]}]}""");

        Assert.Equal("AR1010", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.BadRequest));
        Assert.Empty(engine.Seen);
    }

    [Theory]
    [InlineData("chat/completions", """{"model":"\ud800","messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("chat/completions", """{"model":"m","\udc00":1,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("chat/completions", """{"model":"m","messages":[{"role":"user","content":"\ud83dx"}]}""")]
    [InlineData("chat/completions", """{"model":"m","messages":[{"role":"\uD83D\ud83d","content":"x"}]}""")]
    [InlineData("completions", """{"model":"m","prompt":"\\\ud800"}""")]
    [InlineData("embeddings", """{"model":"m","input":["a","\ud800"]}""")]
    [InlineData("responses", """{"model":"m","input":"x","metadata":{"a":"\ud800"}}""")]
    public async Task Half_a_character_is_no_text(string path, string body)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var response = await edge.PostAsync($"v1/{path}", body);

        Assert.Equal("AR1004", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.BadRequest));
        Assert.Empty(engine.Seen);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_refused()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        var body = """{"model":"?","messages":[{"role":"user","content":"x"}]}"""u8.ToArray();
        body[Array.IndexOf(body, (byte)'?')] = 0xff;
        using var content = new ByteArrayContent(body);

        using var response = await edge.Client.PostAsync("v1/chat/completions", content);

        Assert.Equal("AR1004", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData(@"\ud83d\ude00")]
    [InlineData(@"\\ud800")]
    [InlineData(@"\uD83D\uDE00\n\u0041\\")]
    public async Task Whole_characters_are_text_however_they_are_spelled(string text)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        using var response = await edge.PostAsync(
            "v1/chat/completions",
            $$"""{"model":"m","messages":[{"role":"user","content":"{{text}}"}]}""");

        await EdgeHarness.JsonAsync(response, HttpStatusCode.OK);
        Assert.Equal(
            $"\"{text}\"",
            Assert.Single(engine.Seen).Body.GetProperty("messages")[0].GetProperty("content").GetRawText());
    }

    /// <summary>Larger than what the sockets hold: it is still being sent when it is refused.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_beyond_the_limit_is_refused_and_its_client_hears_so(bool withLength)
    {
        await using var edge = await EdgeHarness.StartAsync([], new EdgeOptions { MaxInferenceBodyBytes = 1_000 });
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions")
        {
            Content = new StringContent(new string(' ', 8 << 20), Encoding.UTF8, "application/json"),
        };
        request.Headers.TransferEncodingChunked = !withLength;

        using var response = await edge.Client.SendAsync(request);

        Assert.Equal("AR1003", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.RequestEntityTooLarge));
    }

    [Fact]
    public async Task A_compressed_body_is_refused()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        using var content = new StringContent("{}");
        content.Headers.ContentEncoding.Add("gzip");

        using var response = await edge.Client.PostAsync("v1/chat/completions", content);

        Assert.Equal("AR1010", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task Without_a_bundle_no_model_may_be_used()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);
        edge.Ports.Granted = null;

        Assert.Equal("AR2001", await EdgeHarness.OpenAiErrorAsync(await edge.ChatAsync(), HttpStatusCode.Forbidden));
        Assert.Empty(engine.Seen);
    }

    [Fact]
    public async Task A_model_that_is_not_granted_is_refused_whether_it_exists_or_not()
    {
        await using var engine = await ScriptedEngine.StartAsync("a", model: "exists");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        foreach (var model in new[] { "exists", "does-not" })
        {
            using var response = await edge.ChatAsync(model: model);
            Assert.Equal("AR2009", await EdgeHarness.OpenAiErrorAsync(response, HttpStatusCode.Forbidden));
        }
    }

    [Fact]
    public async Task With_the_engines_down_clients_are_told_when_to_come_back()
    {
        var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync(
            [engine], null, o => o with { ProbeInterval = TimeSpan.FromHours(1) });
        await engine.DisposeAsync();
        using var first = await edge.ChatAsync();

        using var second = await edge.ChatAsync();

        Assert.Equal("AR4002", await EdgeHarness.OpenAiErrorAsync(first, HttpStatusCode.BadGateway));
        Assert.Equal("AR4001", await EdgeHarness.OpenAiErrorAsync(second, HttpStatusCode.ServiceUnavailable));
        Assert.NotNull(second.Headers.RetryAfter);
    }

    [Fact]
    public async Task Addresses_and_methods_that_are_not_there_are_problems_too()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        Assert.Equal("AR1005", await EdgeHarness.ProblemAsync(
            await edge.Client.GetAsync("v1/nothing"), HttpStatusCode.NotFound));
        Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(
            await edge.Client.DeleteAsync("v1/runs"), HttpStatusCode.MethodNotAllowed));
    }

    [Fact]
    public async Task A_tenant_in_a_header_changes_nothing()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);
        await edge.ChatAsync();
        edge.Client.DefaultRequestHeaders.Add("X-Tenant-Id", edge.Ports.Globex.Tenant.ToString());
        await edge.ChatAsync();
        edge.UseKey(MemoryPorts.GlobexKey);
        await edge.ChatAsync();

        var salts = engine.Seen.Select(r => r.Body.GetProperty("cache_salt").GetString()).ToArray();
        Assert.Equal(salts[0], salts[1]);
        Assert.NotEqual(salts[0], salts[2]);
    }

    [Theory]
    [InlineData("Z")]
    [InlineData("FFFFFFFFFFFFFFFF")]
    public async Task A_body_whose_chunks_have_no_size_is_the_clients_mistake(string size)
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        using var client = new TcpClient();
        await client.ConnectAsync(edge.Address.Host, edge.Address.Port);
        var request = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            + $"Authorization: Bearer {MemoryPorts.AcmeKey}\r\n\r\n{size}\r\n";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));

        using var reader = new StreamReader(client.GetStream(), Encoding.UTF8);
        var answer = await reader.ReadToEndAsync().WaitAsync(Eventually.Patience);

        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"AR1004\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_are_refused_with_every_problem_at_once()
    {
        var options = new EdgeOptions { MaxConnections = 0, MaxChoices = -1 };

        var error = Assert.Throws<RuntimeErrorException>(options.Validate).Error;

        Assert.Equal(ReasonCodes.InvalidConfiguration, error.Code);
        Assert.Contains("MaxConnections", error.Message, StringComparison.Ordinal);
        Assert.Contains("MaxChoices", error.Message, StringComparison.Ordinal);
    }
}
