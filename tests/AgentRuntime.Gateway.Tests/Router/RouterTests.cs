using System.Collections.Concurrent;
using System.Text;
using AgentRuntime.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

public class RouterTests
{
    [Fact]
    public async Task An_answer_streams_through_with_its_usage_at_the_end()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([engine]);

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal(new ServedBy("a", "a"), chunks[0].ServedBy);
        Assert.Equal(new InferenceUsage(new(10), new(4), new(3)), chunks[^1].Usage);
        Assert.True(chunks[^1].Timings!.TimeToFirstToken <= chunks[^1].Timings!.Total);
        Assert.All(chunks.SkipLast(1), c => Assert.Null(c.Usage));
    }

    [Fact]
    public async Task Engines_are_asked_to_stream_with_usage_and_with_the_reserved_bound()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([engine]);

        await harness.AskAsync(Chat(more: ""","stream":false,"max_tokens":9,"temperature":0.5""", maxTokens: 9));

        var body = Assert.Single(engine.Seen).Body;
        Assert.True(body.GetProperty("stream").GetBoolean());
        Assert.True(body.GetProperty("stream_options").GetProperty("include_usage").GetBoolean());
        Assert.Equal(9, body.GetProperty("max_tokens").GetInt32());
        Assert.Equal(0.5, body.GetProperty("temperature").GetDouble());
    }

    [Fact]
    public async Task A_client_does_not_choose_how_urgent_it_is_to_an_engine()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([engine]);

        await harness.AskAsync(Chat(more: ""","priority":-9,"service_tier":"priority" """));

        var body = Assert.Single(engine.Seen).Body;
        Assert.False(body.TryGetProperty("priority", out _) || body.TryGetProperty("service_tier", out _));
    }

    [Fact]
    public async Task A_tenants_salt_is_its_own_and_does_not_show_its_id()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([engine]);
        var other = Identity("other");

        await harness.AskAsync(Chat(more: ""","cache_salt":"forged","kv_transfer_params":{"remote_host":"evil"}"""));
        await harness.AskAsync(Chat());
        await harness.AskAsync(Chat(identity: other));

        var salts = engine.Seen.Select(r => r.Body.GetProperty("cache_salt").GetString()!).ToArray();
        Assert.Equal(salts[0], salts[1]);
        Assert.NotEqual(salts[0], salts[2]);
        Assert.All(salts, s => Assert.True(s.Length >= 32 && s != "forged"));
        Assert.All(engine.Seen, r => Assert.False(r.Body.TryGetProperty("kv_transfer_params", out _)));
        Assert.DoesNotContain(Convert.ToHexString(Acme.Tenant.Value.ToByteArray(true)), salts[0]);
    }

    [Fact]
    public async Task Engines_hear_how_long_state_is_wanted_from_the_router_only_and_if_they_understand_it()
    {
        await using var node = await ScriptedEngine.StartAsync("node");
        await using var told = await ScriptedEngine.StartAsync("told", model: "n");
        await using var other = await ScriptedEngine.StartAsync("other", model: "o");
        await using var harness = await StartAsync([node, told, other], o => o with
        {
            Engines =
            [
                node.Descriptor with { Kind = EngineKind.Node },
                told.Descriptor with { KvHints = true },
                other.Descriptor,
            ],
        });
        const string Forged = ""","kv_hints":{"actions":[]},"kv_hint":{},"agent_hint":{"cache_control":{"ttl":9}}"""
            + ""","agent_hints":{},"nvext":{},"retention_directives":[],"retention_scope":"s" """;

        await harness.AskAsync(Chat(more: Forged));
        await harness.AskAsync(Chat() with { NextCallExpectedIn = TimeSpan.FromSeconds(12.5) });
        foreach (var model in (string[])["n", "o"])
        {
            var request = Chat(model: model, more: Forged);
            await harness.AskAsync(request with { NextCallExpectedIn = TimeSpan.FromSeconds(3) });
        }

        string[] hints = ["kv_hints", "kv_hint", "agent_hint", "agent_hints", "nvext", "retention_directives",
            "retention_scope"];
        var bodies = node.Seen.Select(s => s.Body).ToArray();
        Assert.All(hints, name => Assert.False(bodies[0].TryGetProperty(name, out _)));
        Assert.All(hints, name => Assert.False(other.Seen.Single().Body.TryGetProperty(name, out _)));
        var envelope = bodies[1].GetProperty("kv_hints");
        Assert.Equal(
            """[{"action_id":"retain","action_type":"kv.retain","action_version":"1.0","payload":"""
                + """{"directives":[{"start":0,"priority":50,"duration":12.5}]}}]""",
            envelope.GetProperty("actions").GetRawText());
        Assert.Equal("0.1", envelope.GetProperty("protocol_version").GetString());
        Assert.Equal(node.Seen.Last().Headers["X-Request-Id"], envelope.GetProperty("message_id").GetString());
        Assert.True(told.Seen.Single().Body.TryGetProperty("kv_hints", out _));
    }

    [Fact]
    public async Task A_model_is_asked_for_by_the_engines_own_name_and_answers_by_the_clients()
    {
        await using var engine = await ScriptedEngine.StartAsync("a", model: "/models/big.gguf");
        await using var harness = await StartAsync([engine], o => o with
        {
            Engines = [engine.Descriptor with { Models = new Dictionary<string, string> { ["m"] = engine.Model } }],
        });

        var chunks = await harness.AskAsync();

        Assert.Equal("/models/big.gguf", Assert.Single(engine.Seen).Body.GetProperty("model").GetString());
        Assert.All(chunks, c => Assert.Contains("\"model\":\"m\"", Encoding.UTF8.GetString(c.Raw.Span)));
        Assert.Equal(new ServedModel("m", 4096), Assert.Single(harness.Router.Models));
    }

    [Fact]
    public async Task An_unknown_model_is_refused_by_name()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([engine]);

        var error = await harness.RefusedAsync(Chat() with { Model = "nobody" });

        Assert.Equal(ReasonCodes.UnknownModel, error.Code);
    }

    [Fact]
    public async Task With_every_engine_down_the_error_says_so_and_when_to_come_back()
    {
        var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(
            [engine], o => o with { ProbeInterval = TimeSpan.FromHours(1) });
        await engine.DisposeAsync();

        var first = await harness.RefusedAsync();
        var second = await harness.RefusedAsync();

        Assert.Equal(ReasonCodes.EngineUnreachable, first.Code);
        Assert.Equal(ReasonCodes.NoEngine, second.Code);
        Assert.NotNull(second.RetryAfter);
    }

    [Fact]
    public async Task An_engine_that_is_down_at_start_serves_once_it_is_up()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Healthy = false;
        await using var harness = await StartAsync([engine]);
        Assert.Empty(harness.Router.Models);

        engine.Healthy = true;
        await Eventually.BecomesTrueAsync(() => harness.Router.Models.Count == 1);

        Assert.Equal("Hello, world", TextOf(await harness.AskAsync()));
    }

    [Fact]
    public async Task Requests_spread_over_equal_engines()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var engine in new[] { a, b })
        {
            engine.Answer = async (context, body) =>
            {
                await goOn.Task;
                await engine.AnswerWithWordsAsync(context, body);
            };
        }

        await using var harness = await StartAsync([a, b], time: new FrozenTime());

        var answers = Enumerable.Range(0, 4)
            .Select(i => harness.AskAsync(Chat(new string((char)('a' + i), 2_000)))).ToArray();
        await Eventually.BecomesTrueAsync(() => a.Seen.Count == 2 && b.Seen.Count == 2);
        goOn.SetResult();

        Assert.All(await Task.WhenAll(answers), answer => Assert.Equal("Hello, world", TextOf(answer)));
    }

    [Fact]
    public async Task A_conversation_comes_back_to_the_engine_that_knows_it()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var engine in new[] { a, b })
        {
            var known = new ConcurrentDictionary<char, bool>();
            engine.Answer = async (context, body) =>
            {
                await goOn.Task;
                var first = body.GetProperty("messages")[0].GetProperty("content").GetString()![0];
                await ScriptedEngine.WriteEventAsync(context, engine.Chunk("x"));
                await ScriptedEngine.WriteEventAsync(context, engine.Finish());
                var cached = known.TryAdd(first, true) ? 0 : 10_000;
                await ScriptedEngine.WriteEventAsync(context, engine.Usage(10_010, cached, 1));
                await ScriptedEngine.WriteEventAsync(context, "[DONE]");
            };
        }

        await using var harness = await StartAsync([a, b], time: new FrozenTime());
        var prompts = Enumerable.Range(0, 6).Select(i => new string((char)('a' + i), 40_000)).ToArray();

        var asking = prompts.Select(p => harness.AskAsync(Chat(p))).ToArray();
        await Eventually.BecomesTrueAsync(() => !a.Seen.IsEmpty && !b.Seen.IsEmpty);
        goOn.SetResult();
        var before = (await Task.WhenAll(asking)).Select(answer => answer[0].ServedBy).ToArray();
        var after = new List<ServedBy?>();
        foreach (var prompt in prompts)
            after.Add((await harness.AskAsync(Chat(prompt + " and more")))[0].ServedBy);

        Assert.Equal(before, after);
        Assert.Equal(2, before.Distinct().Count());
    }

    [Fact]
    public async Task An_engine_without_an_account_is_charged_at_the_reserved_prompt()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("two"));
            await ScriptedEngine.WriteEventAsync(context, engine.Finish());
            await ScriptedEngine.WriteEventAsync(context, "[DONE]");
        };
        await using var harness = await StartAsync([engine]);
        var request = Chat();

        var chunks = await harness.AskAsync(request);

        Assert.Equal(new InferenceUsage(request.PromptTokensAtMost, default, new(2)), chunks[^1].Usage);
    }

    [Theory]
    [InlineData("""{"prompt_tokens":10.0,"completion_tokens":2.0}""", 10, 2)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":65}""", 10, 64)]
    [InlineData("""{"prompt_tokens":1000000000000000,"completion_tokens":1000000000000000}""", null, 64)]
    [InlineData("""{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}""", null, 1)]
    [InlineData("""{"prompt_tokens":-5,"completion_tokens":-7}""", null, 1)]
    [InlineData("""{"prompt_tokens":10.5,"completion_tokens":2}""", null, 1)]
    [InlineData("""{"prompt_tokens":"10","completion_tokens":[2]}""", null, 1)]
    [InlineData("""{"prompt_tokens":10}""", null, 1)]
    [InlineData("{}", null, 1)]
    public async Task An_account_is_never_above_what_was_reserved_and_one_that_cannot_be_read_is_none(
        string account, int? prompt, int output)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await ScriptedEngine.WriteEventAsync(context, engine.Finish());
            await ScriptedEngine.WriteEventAsync(context, $$"""{"choices":[],"usage":{{account}}}""");
            await ScriptedEngine.WriteEventAsync(context, "[DONE]");
        };
        await using var harness = await StartAsync([engine]);
        var request = Chat(maxTokens: 64);

        var chunks = await harness.AskAsync(request);

        var most = request.PromptTokensAtMost;
        Assert.Equal(
            new InferenceUsage(prompt is { } p ? new(p) : most, default, new(output)), chunks[^1].Usage);
    }

    [Fact]
    public async Task Leaving_early_breaks_the_engines_connection()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        };
        await using var harness = await StartAsync([engine]);

        await foreach (var chunk in harness.Router.GenerateAsync(Chat(), CancellationToken.None))
        {
            Assert.Equal("one", chunk.Text);
            break;
        }

        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
        Assert.Equal(0, harness.Router.Engines[0].InFlight);
    }

    [Fact]
    public async Task Removing_an_engine_waits_for_its_streams_and_loses_none()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Answer = async (context, body) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("first "));
            await goOn.Task;
            await engine.AnswerWithWordsAsync(context, body);
        };
        await using var harness = await StartAsync([engine]);
        var answer = harness.AskAsync();
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines[0].InFlight == 1);

        var removal = harness.Router.RemoveEngineAsync("a", CancellationToken.None);
        var refused = await harness.RefusedAsync();
        Assert.False(removal.IsCompleted);
        goOn.SetResult();

        Assert.Equal("first Hello, world", TextOf(await answer));
        Assert.True(await removal.WaitAsync(Eventually.Patience));
        Assert.Equal(ReasonCodes.NoEngine, refused.Code);
        Assert.Empty(harness.Router.Engines);
    }

    [Fact]
    public void Options_are_refused_with_every_problem_at_once()
    {
        var options = new EngineRouterOptions
        {
            Engines = [new("no spaces", new Uri("ftp://x"), EngineKind.Vllm)],
            MaxAttempts = 0,
            CacheSaltSecret = new byte[3],
        };

        var error = Assert.Throws<RuntimeErrorException>(() => new EngineRouter(options, TimeProvider.System)).Error;

        Assert.Equal(ReasonCodes.InvalidConfiguration, error.Code);
        Assert.Contains("MaxAttempts", error.Message, StringComparison.Ordinal);
        Assert.Contains("CacheSaltSecret", error.Message, StringComparison.Ordinal);
        Assert.Contains("no spaces", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_engines_key_is_not_in_its_text() =>
        Assert.DoesNotContain(
            "secret",
            (new EngineDescriptor("a", new Uri("http://x"), EngineKind.OpenAi) { ApiKey = "secret" }).ToString(),
            StringComparison.Ordinal);
}
