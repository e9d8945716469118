using System.Text;
using AgentRuntime.Abstractions;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>KV events from a foreign publisher (python3-zmq) on their way into the router's decisions.</summary>
public class KvEventTests(ITestOutputHelper output)
{
    private static readonly byte[] Secret = Encoding.UTF8.GetBytes("a secret of this test, 32 bytes!");
    private static readonly int[] Prompt = [.. Enumerable.Range(1000, 65)];
    private static readonly string Salt = new CacheSalt(Secret).Of(RouterHarness.Acme.Tenant);

    [Theory]
    [InlineData("map")]
    [InlineData("array")]
    public async Task A_prompt_goes_where_events_say_that_its_prefix_is(string encoding)
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync();
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        await using var harness = await StartAsync(
            o => o, new FrozenTime(), a.Descriptor, b.Descriptor with { KvEvents = publisher.Endpoints });
        await publisher.SubscribedAsync();

        await publisher.PublishAsync(KvPublisher.Stored([11, 12, 13], Prompt[..48], Salt), encoding);
        await publisher.PublishAsync(KvPublisher.Stored([14], Prompt[48..64], Salt, parent: 13), encoding);
        await HoldsAsync(harness, "b", 4);
        for (var i = 0; i < 3; i++)
            Assert.Equal("b", (await harness.AskAsync(Tokens()))[0].ServedBy!.DecodeEngine);

        await publisher.PublishAsync(KvPublisher.Removed(12), encoding);
        await HoldsAsync(harness, "b", 3);
    }

    [Fact]
    public async Task Another_tenants_blocks_and_unsalted_ones_earn_nothing()
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync();
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(a.Descriptor with { KvEvents = publisher.Endpoints });

        await publisher.PublishAsync(KvPublisher.Stored([11], Prompt[..16], Salt));
        await publisher.PublishAsync(new
        {
            type = "BlockStored", block_hashes = Prompt[..1], token_ids = Prompt[..16], block_size = 16,
        });
        await publisher.PublishAsync(KvPublisher.Stored([31], Prompt[..32], Salt, blockTokens: 32));
        await publisher.PublishAsync(KvPublisher.Stored([41], Prompt[..16], Salt, parent: 99));
        await Eventually.BecomesTrueAsync(() => harness.Router.Desk.UncorrelatedOf(EngineOf(harness, "a")) == 3);
        Assert.Equal(1, harness.Router.Desk.HeldBy(EngineOf(harness, "a")));
    }

    [Fact]
    public async Task Missed_batches_are_replayed_in_their_place()
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync();
        await using var a = await ScriptedEngine.StartAsync("a");
        await publisher.PublishAsync(KvPublisher.Stored([11], Prompt[..16], Salt), drop: true);
        await using var harness = await StartAsync(a.Descriptor with { KvEvents = publisher.Endpoints });
        await HoldsAsync(harness, "a", 1);

        await publisher.PublishAsync(KvPublisher.Stored([12], Prompt[16..32], Salt, parent: 11), drop: true);
        await publisher.PublishAsync(KvPublisher.Stored([13], Prompt[32..48], Salt, parent: 12), drop: true);
        await publisher.PublishAsync(KvPublisher.Stored([14], Prompt[48..64], Salt, parent: 13));

        await HoldsAsync(harness, "a", 4);
    }

    [Fact]
    public async Task Without_a_replay_what_was_known_before_a_gap_ages_out()
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync(replay: false);
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(
            o => o with
            {
                Routing = o.Routing with { Index = o.Routing.Index with { UnconfirmedSeconds = 0.2 } },
            },
            a.Descriptor with { KvEvents = publisher.Endpoints });
        await publisher.SubscribedAsync();
        await publisher.PublishAsync(KvPublisher.Stored([11, 12], Prompt[..32], Salt));
        await HoldsAsync(harness, "a", 2);

        await publisher.PublishAsync(KvPublisher.Removed(11), drop: true);
        await publisher.PublishAsync(KvPublisher.Stored([51], [.. Prompt[..16].Select(t => t + 7)], Salt));

        await HoldsAsync(harness, "a", 1);
    }

    [Fact]
    public async Task A_sequence_that_starts_over_forgets_the_engine_at_once()
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync();
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(a.Descriptor with { KvEvents = publisher.Endpoints });
        await publisher.SubscribedAsync();
        for (var i = 0; i < 4; i++)
        {
            int[] tokens = [.. Prompt[..16].Select(t => t + i)];
            await publisher.PublishAsync(KvPublisher.Stored([(ulong)i + 1], tokens, Salt));
        }

        await HoldsAsync(harness, "a", 4);

        await publisher.RewindAsync();
        await publisher.PublishAsync(KvPublisher.Removed(77), drop: true);
        await publisher.PublishAsync(KvPublisher.Stored([11], Prompt[16..32], Salt));

        await HoldsAsync(harness, "a", 1);
    }

    [Fact]
    public async Task A_publisher_that_restarts_is_forgotten_and_followed_again()
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync();
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(a.Descriptor with { KvEvents = publisher.Endpoints });
        await publisher.PublishAsync(KvPublisher.Stored([11, 12, 13], Prompt[..48], Salt));
        await HoldsAsync(harness, "a", 3);

        await publisher.RestartAsync();
        await HoldsAsync(harness, "a", 0);
        await publisher.PublishAsync(KvPublisher.Stored([91], Prompt[..16], Salt));

        await HoldsAsync(harness, "a", 1);
    }

    [Fact]
    public async Task A_publisher_that_is_killed_is_forgotten_at_once()
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync();
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(a.Descriptor with { KvEvents = publisher.Endpoints });
        await publisher.PublishAsync(KvPublisher.Stored([11], Prompt[..16], Salt));
        await HoldsAsync(harness, "a", 1);

        publisher.Kill();

        await HoldsAsync(harness, "a", 0);
    }

    [Fact]
    public async Task A_batch_that_cannot_be_read_is_a_gap_and_not_an_end()
    {
        if (Missing())
            return;
        await using var publisher = await KvPublisher.StartAsync();
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync(a.Descriptor with { KvEvents = publisher.Endpoints });
        await publisher.PublishRawAsync("C1C1");

        await publisher.PublishAsync(KvPublisher.Stored([11], Prompt[..16], Salt));

        await HoldsAsync(harness, "a", 1);
    }

    [Fact]
    public async Task An_engine_whose_counters_fall_back_was_restarted()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        a.Metrics = "vllm:num_requests_running 0\nvllm:prompt_tokens_total 500\n";
        await using var harness = await StartAsync(
            o => o with { LoadInterval = TimeSpan.FromMilliseconds(20) }, a.Descriptor);
        await harness.AskAsync(Tokens());
        await HoldsAsync(harness, "a", 4);
        await Eventually.BecomesTrueAsync(() => a.Scraped > 3);

        a.Metrics = "vllm:num_requests_running 0\nvllm:prompt_tokens_total 3\n";

        await HoldsAsync(harness, "a", 0);
    }

    private bool Missing()
    {
        if (!KvPublisher.Available)
            output.WriteLine("python3-zmq or python3-msgpack is not installed; nothing was tested");
        return !KvPublisher.Available;
    }

    private static Task<RouterHarness> StartAsync(params EngineDescriptor[] engines) => StartAsync(o => o, engines);

    private static Task<RouterHarness> StartAsync(
        Func<EngineRouterOptions, EngineRouterOptions> change, params EngineDescriptor[] engines) =>
        StartAsync(change, TimeProvider.System, engines);

    private static Task<RouterHarness> StartAsync(
        Func<EngineRouterOptions, EngineRouterOptions> change,
        TimeProvider time,
        params EngineDescriptor[] engines) => RouterHarness.StartAsync(
        [],
        o => change(o with
        {
            Engines = engines,
            CacheSaltSecret = Secret,
            // However busy this machine is, the publisher answers.
            ConnectTimeout = Eventually.Patience,
            KvReplaySilence = Eventually.Patience,
            PromptKeys = new Dictionary<string, PromptKeys> { ["m"] = PromptKeys.Engine },
        }),
        time);

    private static Engine EngineOf(RouterHarness harness, string name) =>
        harness.Router.Pool.Engines.Single(e => e.Name == name);

    private static Task HoldsAsync(RouterHarness harness, string engine, int blocks) =>
        Eventually.BecomesTrueAsync(() => harness.Router.Desk.HeldBy(EngineOf(harness, engine)) == blocks);

    private static InferenceRequest Tokens() => new(
        RouterHarness.Acme,
        "m",
        InferenceOperation.Completion,
        Encoding.UTF8.GetBytes($$"""{"model":"m","prompt":[{{string.Join(',', Prompt)}}]}"""),
        16);
}
