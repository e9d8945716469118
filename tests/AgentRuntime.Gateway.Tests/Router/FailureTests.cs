using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;
using Microsoft.AspNetCore.Http;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

public class FailureTests
{
    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    public async Task Before_the_first_token_another_engine_takes_over(int status)
    {
        await using var bad = await ScriptedEngine.StartAsync("bad");
        await using var good = await ScriptedEngine.StartAsync("good");
        await using var harness = await StartAsync([bad]);
        bad.Answer = async (context, _) =>
        {
            await harness.Router.AddEngineAsync(good.Descriptor, CancellationToken.None);
            await ScriptedEngine.RefuseAsync(context, status);
        };

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal("good", chunks[0].ServedBy!.DecodeEngine);
        Assert.Single(bad.Seen);
    }

    [Fact]
    public async Task An_engine_that_dies_after_its_role_chunk_is_replaced_unseen()
    {
        await using var bad = await ScriptedEngine.StartAsync("bad");
        await using var good = await ScriptedEngine.StartAsync("good");
        await using var harness = await StartAsync([bad]);
        bad.Answer = async (context, _) =>
        {
            await harness.Router.AddEngineAsync(good.Descriptor, CancellationToken.None);
            await ScriptedEngine.WriteEventAsync(context, bad.Role());
            context.Abort();
        };

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Single(bad.Seen);
        Assert.All(chunks, c => Assert.Contains("c-good", System.Text.Encoding.UTF8.GetString(c.Raw.Span)));
    }

    [Fact]
    public async Task A_refused_request_is_not_tried_elsewhere_and_keeps_the_engines_words()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        foreach (var engine in new[] { a, b })
            engine.Answer = (context, _) =>
                ScriptedEngine.RefuseAsync(context, 400, """{"error":{"message":"top_p must be at most 1"}}""");
        await using var harness = await StartAsync([a, b]);

        var error = await harness.RefusedAsync();

        Assert.Equal(ReasonCodes.EngineRefused, error.Code);
        Assert.Contains("top_p", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, a.Seen.Count + b.Seen.Count);
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_has_its_own_code()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = (context, _) => ScriptedEngine.RefuseAsync(
            context, 400, """{"message":"This model's maximum context length is 4096 tokens"}""");
        await using var harness = await StartAsync([engine]);

        Assert.Equal(ReasonCodes.PromptTooLong, (await harness.RefusedAsync()).Code);
    }

    [Theory]
    [InlineData("data: {not json}\n\n")]
    [InlineData("data: [1,2]\n\n")]
    [InlineData("data: {\"id\":\"\\ud800\",\"choices\":[]}\n\n")]
    [InlineData("")]
    [InlineData("data: {\"error\":{\"message\":\"cuda\",\"code\":500}}\n\n")]
    public async Task An_answer_that_cannot_be_read_is_an_engine_failure(string body)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = (context, _) => context.Response.WriteAsync(body);
        await using var harness = await StartAsync([engine]);

        Assert.Equal(ReasonCodes.EngineFailed, (await harness.RefusedAsync()).Code);
    }

    [Fact]
    public async Task A_chunk_without_end_is_cut_off()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            var line = "data: " + new string('x', 64 << 10);
            for (var i = 0; i < 100 && !context.RequestAborted.IsCancellationRequested; i++)
                await context.Response.WriteAsync(line, context.RequestAborted);
        };
        await using var harness = await StartAsync([engine], o => o with
        {
            MaxChunkBytes = 256 << 10,
            MaxAttempts = 1,
        });

        Assert.Equal(ReasonCodes.EngineFailed, (await harness.RefusedAsync()).Code);
    }

    [Fact]
    public async Task Silence_before_the_first_token_times_out()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = (context, _) =>
            Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        var time = new SteppedTime();
        await using var harness = await StartAsync([engine], o => o with
        {
            FirstTokenTimeout = TimeSpan.FromSeconds(5),
            MaxAttempts = 1,
        }, time);

        var refused = harness.RefusedAsync();
        // The engine has the request: it is to see that it goes again.
        await Eventually.BecomesTrueAsync(() => !engine.Seen.IsEmpty);
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(refused.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal(ReasonCodes.EngineTimeout, (await refused.WaitAsync(Eventually.Patience)).Code);
        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task With_nobody_to_go_on_a_death_in_mid_stream_is_told()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var received = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("two"));
            await received.Task;
            context.Abort();
        };
        await using var harness = await StartAsync([engine], o => o with { MaxAttempts = 1 });

        var chunks = new List<InferenceChunk>();
        var error = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
        {
            await foreach (var chunk in harness.Router.GenerateAsync(Chat(), CancellationToken.None))
            {
                chunks.Add(chunk);
                if (chunks.Count == 2)
                    received.SetResult();
            }
        });

        Assert.Equal("onetwo", TextOf(chunks));
        Assert.Equal(ReasonCodes.EngineDiedMidStream, error.Error.Code);
    }

    [Theory]
    [InlineData(EngineKind.Node, "AR4009")]
    [InlineData(EngineKind.OpenAi, "AR4003")]
    public async Task What_an_engine_says_of_its_failure_in_mid_stream_is_told(EngineKind kind, string code)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await ScriptedEngine.WriteEventAsync(
                context, """{"error":{"message":"the device is gone","code":"AR4009"}}""");
        };
        await using var harness = await StartAsync([], o => o with
        {
            Engines = [engine.Descriptor with { Kind = kind }],
        });

        var error = await harness.RefusedAsync();

        Assert.Equal((code, "the device is gone"), (error.Code.ToString(), error.Message));
        Assert.Equal(0, harness.Router.Engines[0].InFlight);
    }

    [Fact]
    public async Task Silence_between_tokens_times_out()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        };
        await using var harness = await StartAsync([engine], o => o with
        {
            BetweenTokensTimeout = TimeSpan.FromMilliseconds(100),
            MaxAttempts = 1,
        });

        Assert.Equal(ReasonCodes.EngineTimeout, (await harness.RefusedAsync()).Code);
    }

    [Fact]
    public async Task An_engine_that_keeps_failing_is_left_alone_and_tried_again_later()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 500);
        var time = new ShiftedTime();
        await using var harness = await StartAsync([engine], o => o with
        {
            CircuitFailures = 2,
            CircuitOpenFor = TimeSpan.FromHours(1),
        }, time);

        var codes = new List<ReasonCode>();
        for (var i = 0; i < 5; i++)
            codes.Add((await harness.RefusedAsync()).Code);
        engine.Answer = engine.AnswerWithWordsAsync;

        Assert.Equal([ReasonCodes.EngineFailed, ReasonCodes.EngineFailed], codes.Take(2));
        Assert.All(codes.Skip(2), c => Assert.Equal(ReasonCodes.NoEngine, c));
        Assert.Equal(2, engine.Seen.Count);
        Assert.False(harness.Router.Engines[0].CircuitClosed);
        time.Advance(TimeSpan.FromHours(1));
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines[0].CircuitClosed);
        await Eventually.SucceedsAsync(async () => Assert.Equal("Hello, world", TextOf(await harness.AskAsync())));
    }

    /// <summary>Engines that answer 500 to all, and two retries for each tenant.</summary>
    private static async Task<RouterHarness> StartShortOfRetriesAsync(params ScriptedEngine[] engines)
    {
        foreach (var engine in engines)
            engine.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 500);
        return await StartAsync(engines, o => o with
        {
            RetryBurst = 2,
            RetryRatio = 0,
            CircuitFailures = 1_000,
        });
    }

    [Fact]
    public async Task Retries_stop_when_their_budget_is_spent()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        await using var harness = await StartShortOfRetriesAsync(a, b);

        for (var i = 0; i < 10; i++)
            Assert.Equal(ReasonCodes.EngineFailed, (await harness.RefusedAsync()).Code);

        Assert.Equal(12, a.Seen.Count + b.Seen.Count);
    }

    [Fact]
    public async Task A_tenant_that_has_spent_its_retries_leaves_others_theirs()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        await using var harness = await StartShortOfRetriesAsync(a, b);
        for (var i = 0; i < 4; i++)
            await harness.RefusedAsync();
        var before = a.Seen.Count + b.Seen.Count;

        await harness.RefusedAsync(Chat(identity: Identity("globex")));

        Assert.Equal((6, 3), (before, a.Seen.Count + b.Seen.Count - before));
    }

    [Fact]
    public void Budgets_are_bounded_and_those_that_are_full_are_forgotten_first()
    {
        var budgets = new RetryBudgets(ratio: 0.2, burst: 1, mostTenants: 2);
        var tenants = Enumerable.Range(0, 4).Select(i => Identity($"{i}").Tenant).ToArray();
        Assert.True(budgets.Of(tenants[0]).TryWithdraw());
        Assert.False(budgets.Of(tenants[0]).TryWithdraw());
        var full = budgets.Of(tenants[1]);

        Assert.True(budgets.Of(tenants[2]).TryWithdraw());

        Assert.False(budgets.Of(tenants[0]).TryWithdraw());
        Assert.Same(budgets.Of(tenants[1]), budgets.Of(tenants[3]));
        Assert.NotSame(full, budgets.Of(tenants[1]));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public async Task An_engine_is_unhealthy_when_two_of_its_probes_in_a_row_are_late(int late, bool healthy)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(
            [engine], o => o with { ProbeTimeout = TimeSpan.FromMilliseconds(500) });
        var found = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var probes = 0;
        engine.Probed = async context =>
        {
            if (Interlocked.Increment(ref probes) <= late)
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            found.TrySetResult(harness.Router.Engines.Single().Healthy);
        };

        Assert.Equal(healthy, await found.Task.WaitAsync(Eventually.Patience));
    }

    [Fact]
    public async Task A_stream_that_ends_without_a_choice_is_no_answer()
    {
        await using var empty = await ScriptedEngine.StartAsync("a");
        empty.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, empty.Usage(10, 0, 0));
            await ScriptedEngine.WriteEventAsync(context, "[DONE]");
        };
        await using var harness = await StartAsync([empty]);
        Assert.Equal(ReasonCodes.EngineFailed, (await harness.RefusedAsync()).Code);

        await using var other = await ScriptedEngine.StartAsync("b");
        await harness.Router.AddEngineAsync(other.Descriptor, CancellationToken.None);
        for (var i = 0; i < 4; i++)
            Assert.Equal("Hello, world", TextOf(await harness.AskAsync()));
    }

    [Theory]
    [InlineData("", 4_003)]
    [InlineData("x", 4_004)]
    public async Task An_answer_without_end_is_ended(string content, int code)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var chunk = engine.ChatChunk(new { content, padding = new string('y', 2_000), role = "assistant" }, null)
            .Replace("\"content\":\"x\"", $"\"content\":\"{new string('x', 2_000)}\"", StringComparison.Ordinal);
        engine.Answer = async (context, _) =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
                await ScriptedEngine.WriteEventAsync(context, chunk);
        };
        await using var harness = await StartAsync([engine], o => o with { MaxChunkBytes = 64 << 10 });

        var error = await harness.RefusedAsync(Chat(maxTokens: 10)).WaitAsync(Eventually.Patience);

        Assert.Equal(new ReasonCode(code), error.Code);
        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task The_longest_tokens_make_no_answer_too_long()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Words = [.. Enumerable.Repeat(new string(' ', 256), 500)];
        await using var harness = await StartAsync([engine]);

        Assert.Equal(256 * 500, TextOf(await harness.AskAsync(Chat(maxTokens: 500))).Length);
    }
}
