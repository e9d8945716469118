using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

public class DisaggregationTests
{
    [Fact]
    public async Task The_prompt_is_read_on_one_engine_and_answered_on_another()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);

        var chunks = await pair.Harness.AskAsync(Chat(more: ""","max_completion_tokens":20,"min_tokens":5"""));

        var prefill = Assert.Single(pair.Prefill.Seen);
        Assert.Equal(1, prefill.Body.GetProperty("max_completion_tokens").GetInt32());
        Assert.False(prefill.Body.GetProperty("stream").GetBoolean());
        Assert.False(prefill.Body.TryGetProperty("stream_options", out _));
        Assert.False(prefill.Body.TryGetProperty("min_tokens", out _));
        Assert.Equal(
            """{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,"remote_block_ids":null,"""
                + "\"remote_host\":null,\"remote_port\":null}",
            prefill.Body.GetProperty("kv_transfer_params").GetRawText());
        var decode = Assert.Single(pair.Decode.Seen);
        Assert.Equal(
            """{"do_remote_prefill":true,"do_remote_decode":false,"remote_engine_id":"p","remote_block_ids":[1,2],"""
                + "\"remote_host\":\"127.0.0.1\",\"remote_port\":9}",
            decode.Body.GetProperty("kv_transfer_params").GetRawText());
        Assert.Equal(prefill.Headers["X-Request-Id"], decode.Headers["X-Request-Id"]);
        Assert.Equal(
            prefill.Body.GetProperty("cache_salt").GetString(), decode.Body.GetProperty("cache_salt").GetString());

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal(new ServedBy("p", "d"), chunks[0].ServedBy);
        Assert.NotNull(chunks[^1].Timings!.Prefill);
        Assert.Equal(3, chunks[^1].Usage!.CachedPrompt.Value);
    }

    [Fact]
    public async Task A_bundled_node_hears_which_other_one_will_decode_and_both_how_long_to_keep_it()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always, EngineKind.Node);

        await pair.Harness.AskAsync(Chat() with { NextCallExpectedIn = TimeSpan.FromSeconds(5) });

        Assert.True(Assert.Single(pair.Prefill.Seen).Body.TryGetProperty("kv_hints", out _));
        Assert.True(Assert.Single(pair.Decode.Seen).Body.TryGetProperty("kv_hints", out _));
        var transfer = Assert.Single(pair.Prefill.Seen).Body.GetProperty("kv_transfer_params");
        Assert.Equal(pair.Decode.Address.Host, transfer.GetProperty("remote_host").GetString());
        Assert.Equal(pair.Decode.Address.Port, transfer.GetProperty("remote_port").GetInt32());
    }

    [Fact]
    public async Task A_busy_prefill_engine_is_tried_once_more()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);
        pair.Prefill.Answer = (context, _) => pair.Prefill.Seen.Count == 1
            ? ScriptedEngine.RefuseAsync(context, 503)
            : pair.Prefill.PrefillAsync(context);

        var chunks = await pair.Harness.AskAsync();

        Assert.Equal(2, pair.Prefill.Seen.Count);
        Assert.Equal(new ServedBy("p", "d"), chunks[0].ServedBy);
    }

    [Theory]
    [InlineData(500, 1)]
    [InlineData(503, 2)]
    public async Task When_prefill_fails_the_decode_engine_reads_the_prompt_itself(int status, int attempts)
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);
        pair.Prefill.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, status);

        var chunks = await pair.Harness.AskAsync();

        Assert.Equal(attempts, pair.Prefill.Seen.Count);
        Assert.Equal(new ServedBy("d", "d"), chunks[0].ServedBy);
        Assert.False(Assert.Single(pair.Decode.Seen).Body.TryGetProperty("kv_transfer_params", out _));
        Assert.Equal("Hello, world", TextOf(chunks));
    }

    [Theory]
    [InlineData(500, EngineKind.Vllm, "")]
    [InlineData(200, EngineKind.OpenAi, "")]
    [InlineData(200, EngineKind.Vllm, ""","n":2""")]
    public async Task An_engine_that_did_not_read_the_prompt_is_not_believed_to_hold_it(
        int status, EngineKind kind, string more)
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always, kind);
        if (status != 200)
            pair.Prefill.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, status);

        await pair.Harness.AskAsync(Chat(prompt: new string('x', 1000), more: more));

        var engines = pair.Harness.Router.Pool.Engines;
        Assert.Equal(0, pair.Harness.Router.Desk.HeldBy(engines.Single(e => e.Name == "p")));
        Assert.True(pair.Harness.Router.Desk.HeldBy(engines.Single(e => e.Name == "d")) > 0);
    }

    [Fact]
    public async Task A_prompt_that_prefill_refuses_is_refused()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);
        pair.Prefill.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 400);

        Assert.Equal(ReasonCodes.EngineRefused, (await pair.Harness.RefusedAsync()).Code);
        Assert.Empty(pair.Decode.Seen);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    public async Task The_only_engine_that_answers_is_not_waited_for_when_it_has_failed(int status)
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);
        pair.Decode.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, status);

        var error = await pair.Harness.RefusedAsync();

        Assert.Equal(
            (status == 429 ? ReasonCodes.Saturated : ReasonCodes.EngineFailed, "d"), (error.Code, error.Where));
        Assert.Single(pair.Decode.Seen);
    }

    [Fact]
    public async Task An_engine_is_not_drained_while_another_reads_the_prompt_that_it_is_to_answer()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Prefill.Answer = async (context, _) =>
        {
            await read.Task;
            await pair.Prefill.PrefillAsync(context);
        };
        var asking = pair.Harness.AskAsync();
        await Eventually.BecomesTrueAsync(() => !pair.Prefill.Seen.IsEmpty);

        var removing = pair.Harness.Router.RemoveEngineAsync("d", CancellationToken.None);
        Assert.Equal(1, pair.Harness.Router.Engines.Single(e => e.Engine.Name == "d").InFlight);
        Assert.False(removing.IsCompleted);
        read.SetResult();

        Assert.Equal(new ServedBy("p", "d"), (await asking)[0].ServedBy);
        Assert.True(await removing);
    }

    [Fact]
    public async Task When_the_kv_state_does_not_arrive_the_prompt_is_read_where_it_is_answered()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always, EngineKind.Node);
        pair.Decode.Answer = (context, body) => body.TryGetProperty("kv_transfer_params", out _)
            ? ScriptedEngine.RefuseAsync(context, 502, """{"error":{"message":"no such lease","code":"AR4007"}}""")
            : pair.Decode.AnswerWithWordsAsync(context, body);

        var chunks = await pair.Harness.AskAsync();

        Assert.Equal(new ServedBy("d", "d"), chunks[0].ServedBy);
        Assert.True(pair.Harness.Router.Engines.All(e => e.CircuitClosed));
    }

    [Fact]
    public async Task Engines_that_cannot_move_kv_state_are_not_paired()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always, EngineKind.OpenAi);

        var chunks = await pair.Harness.AskAsync();

        Assert.Equal(new ServedBy("d", "d"), chunks[0].ServedBy);
        Assert.Empty(pair.Prefill.Seen);
    }

    [Fact]
    public async Task An_engine_that_gives_no_kv_state_serves_on_but_is_soon_not_paired()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);
        pair.Prefill.Answer = (context, _) =>
            context.Response.WriteAsync("""{"id":"p","choices":[],"kv_transfer_params":null}""");

        for (var i = 0; i < 10; i++)
        {
            var chunks = await pair.Harness.AskAsync();
            Assert.Equal(new ServedBy("d", "d"), chunks[0].ServedBy);
        }

        Assert.Equal(3, pair.Prefill.Seen.Count);
        Assert.Equal(10, pair.Decode.Seen.Count);
        Assert.True(pair.Harness.Router.Engines.All(e => e.CircuitClosed));

        // A start with a connector: it was away, and is healthy anew.
        var prefill = pair.Harness.Router.Pool.Engines.Single(e => e.Name == "p");
        var health = prefill.Health;
        prefill.MarkUnreachable();
        prefill.Observe(health);
        pair.Harness.Router.Desk.Observe(prefill);
        pair.Prefill.Answer = pair.Prefill.AnswerWithWordsAsync;
        Assert.Equal(new ServedBy("p", "d"), (await pair.Harness.AskAsync())[0].ServedBy);
    }

    [Fact]
    public async Task The_nodes_account_of_the_transfer_reaches_the_timings()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always, EngineKind.Node);
        pair.Decode.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, pair.Decode.Chunk("x"));
            await ScriptedEngine.WriteEventAsync(
                context,
                """{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"""
                    + """ "kv_transfer_ms":1.5,"kv_transfer_bytes":4096}}""");
            await ScriptedEngine.WriteEventAsync(context, "[DONE]");
        };

        var timings = (await pair.Harness.AskAsync())[^1].Timings!;

        Assert.Equal(TimeSpan.FromMilliseconds(1.5), timings.KvTransfer);
        Assert.Equal(new ByteCount(4096), timings.KvBytes);
    }

    [Fact]
    public async Task Cancelling_while_the_prompt_is_read_reaches_the_prefill_engine()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);
        pair.Prefill.Answer = (context, _) =>
            Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        using var cancel = new CancellationTokenSource();

        var asking = pair.Harness.AskAsync(cancellationToken: cancel.Token);
        await Eventually.BecomesTrueAsync(() => !pair.Prefill.Seen.IsEmpty);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await pair.Prefill.ClientGone.Task.WaitAsync(Eventually.Patience);
        Assert.True(pair.Harness.Router.Engines.All(e => e is { InFlight: 0, CircuitClosed: true }));
    }

    [Fact]
    public async Task Several_answers_to_one_prompt_are_not_split()
    {
        await using var pair = await Pair.StartAsync(Disaggregation.Always);

        var chunks = await pair.Harness.AskAsync(Chat(more: ""","n":2""", maxTokens: 20));

        Assert.False(chunks[0].ServedBy!.Disaggregated);
        Assert.Equal(10, Assert.Single(pair.Decode.Seen).Body.GetProperty("max_tokens").GetInt32());
    }

    private sealed record Pair(ScriptedEngine Prefill, ScriptedEngine Decode, RouterHarness Harness) : IAsyncDisposable
    {
        public static async Task<Pair> StartAsync(Disaggregation mode, EngineKind kind = EngineKind.Vllm)
        {
            var prefill = await ScriptedEngine.StartAsync("p");
            var decode = await ScriptedEngine.StartAsync("d");
            var harness = await RouterHarness.StartAsync([], o => o with
            {
                Disaggregation = mode,
                Engines =
                [
                    prefill.Descriptor with { Roles = EngineRoles.Prefill, Kind = kind },
                    decode.Descriptor with { Roles = EngineRoles.Decode, Kind = kind },
                ],
            });
            return new Pair(prefill, decode, harness);
        }

        public async ValueTask DisposeAsync()
        {
            await Harness.DisposeAsync();
            await Prefill.DisposeAsync();
            await Decode.DisposeAsync();
        }
    }
}
