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
        var prefillSeen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        prefill.Answer = (c, _) =>
        {
            prefillSeen.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, c.RequestAborted);
        };

        // The client leaves at the first chunk: a leg that is cancelled on its way is never seen by its engine.
        decode.Answer = async (c, _) =>
        {
            await prefillSeen.Task;
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

        await prefill.ClientGone.Task.WaitAsync(Eventually.Patience);
        await decode.ClientGone.Task.WaitAsync(Eventually.Patience);
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.All(e => e.InFlight == 0));
    }

    [Fact]
    public async Task A_prefill_that_fails_ends_the_decode_that_waits_for_it()
    {
        await using var prefill = await ScriptedEngine.StartAsync("p");
        await using var decode = await ScriptedEngine.StartAsync("d");
        await using var other = await ScriptedEngine.StartAsync("d2");
        FailFirstOnceDecodeWaits([prefill], [decode, other], begins: false);
        await using var harness = await PairAsync(prefill, decode, other);

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal(2, prefill.Seen.Count);
        Assert.Equal(2, decode.Seen.Count + other.Seen.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_prefill_that_fails_is_tried_again_where_there_is_no_other_pair(bool begins)
    {
        await using var prefill = await ScriptedEngine.StartAsync("p");
        await using var decode = await ScriptedEngine.StartAsync("d");
        FailFirstOnceDecodeWaits([prefill], [decode], begins);
        await using var harness = await PairAsync(prefill, decode);

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal((2, 2), (prefill.Seen.Count, decode.Seen.Count));
    }

    [Fact]
    public async Task What_a_prefill_engine_failed_is_read_by_another()
    {
        await using var first = await ScriptedEngine.StartAsync("p");
        await using var other = await ScriptedEngine.StartAsync("p2");
        await using var decode = await ScriptedEngine.StartAsync("d");
        FailFirstOnceDecodeWaits([first, other], [decode], begins: false);
        await using var harness = await StartAsync([], o => Pair(o, [first, other], [decode]));

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal((1, 1, 2), (first.Seen.Count, other.Seen.Count, decode.Seen.Count));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_prefill_that_fails_does_not_count_against_the_decode_engine(bool begins)
    {
        await using var prefill = await ScriptedEngine.StartAsync("p");
        await using var decode = await ScriptedEngine.StartAsync("d");
        await using var other = await ScriptedEngine.StartAsync("d2");
        FailFirstOnceDecodeWaits([prefill], [decode, other], begins);
        await using var harness = await StartAsync([], o => Pair(o, [prefill], [decode, other]) with
        {
            CircuitFailures = 1, CircuitOpenFor = TimeSpan.FromHours(1),
        });

        // One failure opens a circuit here: without the only prefill engine nobody can serve.
        Assert.Equal(ReasonCodes.NoEngine, (await harness.RefusedAsync()).Code);

        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.All(e => e.InFlight == 0));
        Assert.Equal(
            ["d", "d2"],
            harness.Router.Engines.Where(e => e.CircuitClosed).Select(e => e.Engine.Name)
                .Order(StringComparer.Ordinal));
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

    /// <summary>
    /// The first prefill fails, though not before the first decode leg has reached its engine: a leg that is cancelled
    /// on its way is never seen there, and the next one would be taken for the first.
    /// </summary>
    /// <param name="prefill">The first that is asked fails once.</param>
    /// <param name="decode">The first that is asked waits for ever.</param>
    /// <param name="begins">Whether that one's stream begins before it waits.</param>
    private static void FailFirstOnceDecodeWaits(ScriptedEngine[] prefill, ScriptedEngine[] decode, bool begins)
    {
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var fed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (prefills, decodes) = (0, 0);
        foreach (var engine in prefill)
        {
            engine.Answer = async (c, body) =>
            {
                if (Interlocked.Increment(ref prefills) > 1)
                {
                    fed.TrySetResult();
                    await engine.AnswerWithWordsAsync(c, body);
                    return;
                }

                await waits.Task;
                await ScriptedEngine.RefuseAsync(c, 500);
            };
        }

        foreach (var engine in decode)
        {
            engine.Answer = async (c, body) =>
            {
                if (Interlocked.Increment(ref decodes) == 1)
                {
                    if (begins)
                        await ScriptedEngine.WriteEventAsync(c, engine.Role());
                    waits.SetResult();
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, c.RequestAborted);
                }

                // Whoever decodes was fed before: a call that is answered ends what is left of its prefill.
                await fed.Task.WaitAsync(c.RequestAborted);
                await engine.AnswerWithWordsAsync(c, body);
            };
        }
    }

    private static Task<RouterHarness> PairAsync(ScriptedEngine prefill, params ScriptedEngine[] decode) =>
        StartAsync([], o => Pair(o, [prefill], decode));

    private static EngineRouterOptions Pair(
        EngineRouterOptions options, ScriptedEngine[] prefill, ScriptedEngine[] decode) => options with
        {
            Disaggregation = Disaggregation.Always,
            Engines =
            [
                .. prefill.Select(p => p.Descriptor with
                {
                    Kind = EngineKind.SgLang, Roles = EngineRoles.Prefill, BootstrapPort = 9123,
                }),
                .. decode.Select(d => d.Descriptor with { Kind = EngineKind.SgLang, Roles = EngineRoles.Decode }),
            ],
        };
}
