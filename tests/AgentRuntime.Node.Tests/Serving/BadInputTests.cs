using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grpc;
using AgentRuntime.Node.Prompting;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Node.Tests.Serving;

public sealed class BadInputTests(ServingFixture fixture) : IClassFixture<ServingFixture>
{
    /// <summary>More than the node's context, however long the longest token.</summary>
    private static readonly string TooLong = string.Concat(Enumerable.Repeat("stone ", 50_000));

    [Fact]
    public async Task A_file_that_is_no_model_is_refused()
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, "this is not a model");
            var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => DemoNode.StartAsync(o =>
                o with { ModelPath = path }));
            Assert.Equal(ReasonCodes.InvalidModelFile, e.Error.Code);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_device_without_an_end_is_no_model()
    {
        if (!OperatingSystem.IsLinux()) return;
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => DemoNode.StartAsync(o =>
            o with { ModelPath = "/dev/zero" }).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(ReasonCodes.InvalidModelFile, e.Error.Code);
    }

    [Fact]
    public async Task A_truncated_model_is_refused()
    {
        var path = Path.GetTempFileName();
        try
        {
            var whole = await File.ReadAllBytesAsync(DemoNode.ModelPath);
            await File.WriteAllBytesAsync(path, whole[..(whole.Length / 2)]);
            var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => DemoNode.StartAsync(o =>
                o with { ModelPath = path }));
            Assert.Equal(ReasonCodes.InvalidModelFile, e.Error.Code);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Options_name_every_fault_at_once()
    {
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => DemoNode.StartAsync(o => o with { Port = 70000, Threads = 0, Host = "a.test", KvPoolTokens = -1 }));
        Assert.Equal(ReasonCodes.InvalidConfiguration, e.Error.Code);
        Assert.Contains("Port", e.Error.Message, StringComparison.Ordinal);
        Assert.Contains("Threads", e.Error.Message, StringComparison.Ordinal);
        Assert.Contains("Host", e.Error.Message, StringComparison.Ordinal);
        Assert.Contains("KvPoolTokens", e.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_port_is_refused()
    {
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => DemoNode.StartAsync(o => o with { Port = fixture.Node.Address.Port }));
        Assert.Equal(ReasonCodes.PortInUse, e.Error.Code);
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_is_refused()
    {
        var (status, json) = await DemoNode.PostAsync(
            fixture.Node, "/v1/chat/completions", DemoNode.Chat(DemoNode.LongText(1200)));
        Assert.Equal(400, status);
        Assert.Equal("AR4006", (string?)json["error"]!["code"]);
        Assert.Equal("invalid_request_error", (string?)json["error"]!["type"]);
    }

    [Fact]
    public async Task A_prompt_that_is_too_long_by_far_is_refused_unread()
    {
        var text = new string('a', 1_000_000);
        foreach (var (path, body) in ((string, JsonObject)[])
            [
                ("/v1/chat/completions", DemoNode.Chat(text)), ("/v1/completions", new() { ["prompt"] = text }),
            ])
        {
            var (status, json) = await DemoNode.PostAsync(fixture.Node, path, body);
            Assert.Equal((400, "AR4006"), (status, (string?)json["error"]!["code"]));
            Assert.Contains("at least", (string?)json["error"]!["message"], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1,2]")]
    [InlineData("""{"messages":[]}""")]
    [InlineData("""{"messages":[{"role":"robot","content":"x"}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"max_tokens":0}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"stop":[""]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"kv_transfer_params":7}""")]
    [InlineData("""{"messages":[{"role":"user"}],"kv_transfer_params":"""
        + """{"do_remote_prefill":true,"do_remote_decode":true}}""")]
    [InlineData("""{"messages":[{"role":"user","content":"abc\ud83d"}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"stop":"\udc00"}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"response_format":"""
        + """{"type":"json_schema","json_schema":{"schema":{"properties":[]}}}}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"tools":"""
        + """[{"function":{"name":"t","parameters":{"required":[1]}}}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"tools":"""
        + """[{"function":{"name":"t","description":"\ud800","parameters":{}}}]}""")]
    public async Task A_malformed_request_is_refused(string body)
    {
        using var http = DemoNode.Client(fixture.Node);
        using var response = await http.PostAsync(
            "/v1/chat/completions", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("AR1004", (string?)(await response.Content.ReadFromJsonAsync<JsonNode>())!["error"]!["code"]);
    }

    [Theory]
    [InlineData("/v1/completions", """{"prompt":"\ud83d"}""")]
    [InlineData("/v1/embeddings", """{"input":"\ud83d"}""")]
    [InlineData("/tokenize", """{"prompt":"\ud83d"}""")]
    [InlineData("/kv/expect", """{"remote_host":"\ud83d"}""")]
    public async Task A_text_that_is_not_unicode_is_refused_everywhere(string path, string body)
    {
        using var http = DemoNode.Client(fixture.Node);
        using var response = await http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("AR1004", (string?)(await response.Content.ReadFromJsonAsync<JsonNode>())!["error"]!["code"]);
    }

    [Theory]
    [InlineData("""{"prompt":"x","echo":true}""", "echo")]
    [InlineData("""{"prompt":"x","suffix":"y"}""", "suffix")]
    public async Task What_would_make_another_answer_is_not_passed_over(string body, string name)
    {
        using var http = DemoNode.Client(fixture.Node);
        using var response = await http.PostAsync(
            "/v1/completions", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(400, (int)response.StatusCode);
        var error = (await response.Content.ReadFromJsonAsync<JsonNode>())!["error"]!;
        Assert.Equal(("AR1010", name), ((string?)error["code"], (string?)error["param"]));
    }

    [Fact]
    public void Grpc_has_the_bounds_that_http_has()
    {
        void Refuses(string message, Action<GenerateRequest> change)
        {
            var request = new GenerateRequest { Text = "x", SamplingParams = new() };
            change(request);
            var e = Assert.Throws<RuntimeErrorException>(
                () => GenerateRequestReader.Read(request, fixture.Node.Service));
            Assert.Equal(ReasonCodes.MalformedRequest, e.Error.Code);
            Assert.Contains(message, e.Error.Message, StringComparison.Ordinal);
        }

        Refuses("cache_salt", r => r.CacheSalt = new('s', 1025));
        Refuses("lora_name", r => r.LoraName = new('s', 1025));
        Refuses("logit_bias", r => r.SamplingParams.LogitBias.Add(5, float.NaN));
        Refuses("1..2147483647", r => r.SamplingParams.MaxTokens = 0);
        Refuses("0.01..10", r => r.SamplingParams.RepetitionPenalty = 11);
    }

    [Fact]
    public async Task A_bug_is_told_with_a_code()
    {
        await using var node = await DemoNode.StartAsync();
        node.Service.Client.Dispose();
        var body = DemoNode.Chat("x");
        body["kv_transfer_params"] = new JsonObject
        {
            ["do_remote_prefill"] = true, ["remote_request_id"] = new string('0', 32),
            ["remote_host"] = "127.0.0.1", ["remote_port"] = 1,
        };
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        Assert.Equal(500, status);
        Assert.Equal("AR4003", (string?)json["error"]!["code"]);
        Assert.DoesNotContain("disposed", (string?)json["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_computes_no_numbers_answers_with_a_code()
    {
        var file = await File.ReadAllBytesAsync(DemoNode.ModelPath);
        var ones = MemoryMarshal.AsBytes<float>(Enumerable.Repeat(1f, 96).ToArray()).ToArray();
        MemoryMarshal.Cast<byte, float>(file.AsSpan(file.AsSpan().LastIndexOf(ones), ones.Length)).Fill(3e38f);
        var path = DemoNode.WriteFile("huge.gguf", path => File.WriteAllBytes(path, file));
        await using var node = await DemoNode.StartAsync(o => o with { ModelPath = path });
        var body = DemoNode.Chat("x");
        body["logprobs"] = true;
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        Assert.Equal(500, status);
        Assert.Equal("AR4003", (string?)json["error"]!["code"]);
    }

    [Theory]
    [InlineData("""{"type":[1]}""")]
    [InlineData("""{"const":"\ud83d"}""")]
    public void A_schema_over_grpc_that_is_none_is_an_invalid_argument(string schema)
    {
        var request = new GenerateRequest { Text = "x", SamplingParams = new() { JsonSchema = schema } };
        var e = Assert.Throws<RuntimeErrorException>(() => GenerateRequestReader.Read(request, fixture.Node.Service));
        Assert.Equal(RpcStatusCode.InvalidArgument, RpcRefusal.Of(e.Error).Status.Code);
    }

    [Theory]
    [InlineData("/tokenize", """{"prompt":"TEXT"}""", "prompt")]
    [InlineData("/tokenize", """{"messages":[{"role":"user","content":"TEXT"}]}""", "messages")]
    [InlineData("/v1/completions", """{"prompt":"TEXT"}""", "prompt")]
    public async Task A_text_that_is_too_long_by_far_is_refused_unread(string path, string body, string where)
    {
        var (status, json) = await DemoNode.PostAsync(
            fixture.Node, path, JsonNode.Parse(body.Replace("TEXT", TooLong, StringComparison.Ordinal))!.AsObject());
        Assert.Equal((400, "AR4006"), (status, (string?)json["error"]!["code"]));
        Assert.Equal(where, (string?)json["error"]!["param"]);
        Assert.Contains("at least", (string?)json["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_over_grpc_that_is_too_long_by_far_is_refused_unread()
    {
        var request = new GenerateRequest { Text = TooLong, SamplingParams = new() { MaxTokens = 1 } };
        var e = Assert.Throws<RuntimeErrorException>(() => GenerateRequestReader.Read(request, fixture.Node.Service));
        Assert.Equal(ReasonCodes.PromptTooLong, e.Error.Code);
        Assert.Equal(RpcStatusCode.InvalidArgument, RpcRefusal.Of(e.Error).Status.Code);

        // Of one that is to be cut the end is read.
        request.SamplingParams.TruncatePromptTokens = 10;
        Assert.Equal(10, GenerateRequestReader.Read(request, fixture.Node.Service).Prompts[0].Tokens!.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(-1)]
    public void Of_a_long_text_that_is_to_be_cut_no_more_is_read_than_may_be_kept(int kept)
    {
        var text = DemoNode.LongText(200_000);
        var node = fixture.Node.Service;
        var whole = node.Model.Tokenize(text, addSpecial: true, parseSpecial: true);
        var request = new GenerateRequest { Text = text, SamplingParams = new() { TruncatePromptTokens = kept } };
        GenerateRequestReader.Read(request, node);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var tokens = GenerateRequestReader.Read(request, node).Prompts[0].Tokens!;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(whole[^(kept < 0 ? node.ContextTokens - 1 : kept)..], tokens);
        Assert.True(allocated < text.Length / 2, $"{allocated} bytes for {text.Length} characters");
    }

    [Fact]
    public void A_text_of_which_more_is_to_be_kept_than_the_context_is_refused_unread()
    {
        var request = new GenerateRequest { Text = TooLong, SamplingParams = new() { TruncatePromptTokens = 100_000 } };
        var e = Assert.Throws<RuntimeErrorException>(() => GenerateRequestReader.Read(request, fixture.Node.Service));
        Assert.Equal(ReasonCodes.PromptTooLong, e.Error.Code);
        Assert.Contains("at least", e.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.8", true)]
    [InlineData("gpu-1.example", true)]
    [InlineData("gpu_1", true)]
    [InlineData("fd00::1", true)]
    [InlineData("[fd00::1]", false)]
    [InlineData("10.0.0.8:8000", false)]
    [InlineData("http://10.0.0.8", false)]
    [InlineData("a b", false)]
    [InlineData("", false)]
    public void A_peer_is_an_address_or_a_name(string peer, bool good)
    {
        var faults = (DemoNode.Options with { KvPeers = [peer] }).Validate();
        Assert.Equal(good ? [] : ["KvPeers has what is neither an IP address nor a host name"], faults);
    }

    [Theory]
    [InlineData(InferenceOperation.Completion, """{"prompt":"TEXT"}""")]
    [InlineData(InferenceOperation.Chat, """{"messages":[{"role":"user","content":"TEXT"}]}""")]
    public void A_text_that_is_too_long_for_the_nodes_has_no_tokens_for_the_router(
        InferenceOperation operation, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body.Replace("TEXT", TooLong, StringComparison.Ordinal));
        using var tokenizer = GgufTokenizer.Load(DemoNode.ModelPath, DemoNode.Options.ContextTokens);
        Assert.Null(tokenizer.Tokenize(operation, bytes));
        using var any = GgufTokenizer.Load(DemoNode.ModelPath);
        Assert.NotNull(any.Tokenize(operation, bytes));
    }

    [Fact]
    public async Task An_address_that_is_none_of_this_machines_is_refused()
    {
        // TEST-NET-3 (RFC 5737): nobody's.
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => DemoNode.StartAsync(o => o with { Host = "203.0.113.9" }));
        Assert.Equal(ReasonCodes.PortInUse, e.Error.Code);
        Assert.Contains("203.0.113.9", e.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_is_told_to_stop_before_it_has_started_ends_quietly()
    {
        using var said = new StringWriter();
        using var log = new LogBook();
        await InferenceNode.RunAsync(DemoNode.Options, said, log, new CancellationToken(canceled: true));
        Assert.Empty(said.ToString());
        Assert.Empty(log.Entries);
    }

    [Fact]
    public void A_body_that_the_node_refuses_has_no_tokens_for_the_router()
    {
        using var tokenizer = GgufTokenizer.Load(DemoNode.ModelPath);
        Assert.Null(tokenizer.Tokenize(
            InferenceOperation.Chat, """{"messages":[{"role":"user","content":"\ud83d"}]}"""u8.ToArray()));
    }

    [Fact]
    public void A_prompts_tokens_do_not_depend_on_the_grammar_of_its_answer()
    {
        using var tokenizer = GgufTokenizer.Load(DemoNode.ModelPath);
        int[]? Tokens(string format) => tokenizer.Tokenize(
            InferenceOperation.Chat,
            Encoding.UTF8.GetBytes($$"""{"messages":[{"role":"user","content":"x"}],"response_format":{{format}}}"""));
        const string NoSchema = """{"type":"json_schema","json_schema":{"schema":{"type":"elephant"}}}""";
        Assert.NotNull(Tokens("null"));
        Assert.Equal(Tokens("null"), Tokens(NoSchema));
    }

    [Fact]
    public async Task A_client_that_leaves_frees_its_cells()
    {
        // So many that this side may stand still for some seconds, and the answer has not come to its end.
        const int Tokens = 32_000;
        await using var node = await DemoNode.StartAsync(
            o => o with { ContextTokens = Tokens + 192, ParallelSequences = 1 });
        using var http = DemoNode.Client(node);
        var body = DemoNode.Chat("go on for long", Tokens);
        body["stream"] = true;
        using (var request = new HttpRequestMessage(HttpMethod.Post,
            "/v1/chat/completions") { Content = JsonContent.Create(body) })
        using (var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead))
        await using (var stream = await response.Content.ReadAsStreamAsync())
        {
            Assert.True(await stream.ReadAsync(new byte[16]) > 0);
            Assert.Equal(1, node.Service.Engine.Counters.Running);
        }

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (node.Service.Engine.Counters.Running > 0) await tick.WaitForNextTickAsync(deadline.Token);
        while (!(await http.GetStringAsync("/metrics")).Contains("\"abort\"} 1", StringComparison.Ordinal))
            await tick.WaitForNextTickAsync(deadline.Token);
        Assert.True(node.Service.Engine.Counters.GeneratedTokens < Tokens);
    }
}
