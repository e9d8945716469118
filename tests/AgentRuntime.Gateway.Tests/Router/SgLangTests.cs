using AgentRuntime.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

public class SgLangTests
{
    [Fact]
    public async Task Prefill_and_decode_are_asked_at_once_and_meet_in_one_room()
    {
        await using var prefill = await ScriptedEngine.StartAsync("p");
        await using var decode = await ScriptedEngine.StartAsync("d");
        var prefillSeen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        prefill.Answer = async (c, body) =>
        {
            prefillSeen.TrySetResult();
            await prefill.AnswerWithWordsAsync(c, body);
        };

        // Decode answers only once prefill is there too: one leg after the other would wait for ever.
        decode.Answer = async (c, body) =>
        {
            await prefillSeen.Task;
            await decode.AnswerWithWordsAsync(c, body);
        };
        await using var harness = await PairAsync(prefill, decode);

        var chunks = await harness.AskAsync(Chat(more: ""","bootstrap_room":7,"extra_key":"x","lora_path":"/etc" """));

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal(new ServedBy("p", "d"), chunks[0].ServedBy);
        var (p, d) = (Assert.Single(prefill.Seen).Body, Assert.Single(decode.Seen).Body);
        var room = p.GetProperty("bootstrap_room").GetInt64();
        Assert.True(room is > 0 and not 7);
        Assert.Equal(room, d.GetProperty("bootstrap_room").GetInt64());
        Assert.Equal(prefill.Address.Host, d.GetProperty("bootstrap_host").GetString());
        Assert.Equal(9123, d.GetProperty("bootstrap_port").GetInt32());
        Assert.Equal(p.GetProperty("cache_salt").GetString(), d.GetProperty("cache_salt").GetString());
        Assert.All(new[] { p, d }, b => Assert.False(
            b.TryGetProperty("kv_transfer_params", out _) || b.TryGetProperty("extra_key", out _)
            || b.TryGetProperty("lora_path", out _)));
    }

    [Fact]
    public async Task Leaving_cancels_both_legs()
    {
        await using var prefill = await ScriptedEngine.StartAsync("p");
        await using var decode = await ScriptedEngine.StartAsync("d");
        prefill.Answer = (c, _) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, c.RequestAborted);
        decode.Answer = async (c, _) =>
        {
            await ScriptedEngine.WriteEventAsync(c, decode.Chunk("Hello"));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, c.RequestAborted);
        };
        await using var harness = await PairAsync(prefill, decode);
        using var leave = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in harness.Router.GenerateAsync(Chat(), leave.Token))
                await leave.CancelAsync();
        });

        await prefill.ClientGone.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
        await decode.ClientGone.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.All(e => e.InFlight == 0));
    }

    [Fact]
    public async Task A_prefill_that_fails_ends_the_decode_that_waits_for_it()
    {
        await using var prefill = await ScriptedEngine.StartAsync("p");
        await using var decode = await ScriptedEngine.StartAsync("d");
        var (failures, asked) = (0, 0);
        prefill.Answer = (c, body) => ++failures == 1
            ? ScriptedEngine.RefuseAsync(c, 500)
            : prefill.AnswerWithWordsAsync(c, body);
        decode.Answer = async (c, body) =>
        {
            if (Interlocked.Increment(ref asked) == 1)
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, c.RequestAborted);
            await decode.AnswerWithWordsAsync(c, body);
        };
        await using var other = await ScriptedEngine.StartAsync("d2");
        other.Answer = decode.Answer;
        await using var harness = await PairAsync(prefill, decode, other);

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal(2, prefill.Seen.Count);
    }

    [Fact]
    public async Task Coming_back_takes_a_generated_token_and_staying_does_not()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Metrics = "sglang:num_running_reqs 2\nsglang:num_queue_reqs 1\nsglang:token_usage 0.5\n";
        await using var harness = await StartAsync([], o => o with
        {
            Engines = [engine.Descriptor with { Kind = EngineKind.SgLang }],
            ProbeInterval = TimeSpan.FromMilliseconds(20),
        });
        await harness.AskAsync();
        await Eventually.BecomesTrueAsync(() => engine.Scraped > 2);

        Assert.Equal(1, engine.Generated);
        Assert.True(Assert.Single(engine.Seen).Body.TryGetProperty("cache_salt", out _));
    }

    private static Task<RouterHarness> PairAsync(ScriptedEngine prefill, params ScriptedEngine[] decode) =>
        StartAsync([], o => o with
        {
            Disaggregation = Disaggregation.Always,
            Engines =
            [
                prefill.Descriptor with
                {
                    Kind = EngineKind.SgLang, Roles = EngineRoles.Prefill, BootstrapPort = 9123,
                },
                .. decode.Select(d => d.Descriptor with { Kind = EngineKind.SgLang, Roles = EngineRoles.Decode }),
            ],
        });
}
