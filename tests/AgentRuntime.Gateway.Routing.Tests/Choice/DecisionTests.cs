namespace AgentRuntime.Gateway.Routing.Tests;

public class DecisionTests
{
    [Fact]
    public void A_prefix_that_every_engine_holds_earns_nothing()
    {
        var f = new CoreFixture(null, CoreFixture.Named(4));
        var system = CoreFixture.Blocks(0, 20);
        var index = f.Core.IndexOf(1);
        for (var e = 0; e < 4; e++)
        {
            foreach (var key in system)
                index.Store(e, key);
        }

        HashSet<int> chosen = [];
        for (var i = 0; i < 4; i++)
        {
            f.Submit(prompt: 4000, blocks: [.. system, .. CoreFixture.Blocks(1000 * (i + 1), 200)]);
            chosen.Add(f.Take().Prefill.Index);
        }

        Assert.Equal(4, chosen.Count);
    }

    [Fact]
    public void Requests_that_bring_the_same_new_prefix_at_once_wait_for_one_reading_of_it()
    {
        var f = new CoreFixture(null, CoreFixture.Named(4));
        var blocks = CoreFixture.Blocks(0, 1000);

        f.Submit(prompt: 16_000, blocks: blocks);
        f.Submit(prompt: 16_000, blocks: blocks);

        var first = f.Take();
        Assert.Equal(0, first.Explanation.CachedTokens);
        f.Now += 2;
        f.Finish(first, prompt: 16_000);
        var second = f.Take();
        Assert.Equal(first.Prefill, second.Prefill);
        Assert.Equal(15_999, second.Explanation.CachedTokens);
    }

    [Fact]
    public void Splitting_pays_for_a_long_prompt_beside_many_running_answers_and_not_for_a_short_one()
    {
        var f = new CoreFixture(
            new() { StreamDelayWeight = 0.1 },
            new("both", "m") { Roles = EngineRoles.Both },
            new("p", "m") { Roles = EngineRoles.Prefill },
            new EngineDescription("d", "m") { Roles = EngineRoles.Decode });
        f.Core.SetHealth(f.Engines[1], EngineHealth.Draining, f.Now);
        f.Core.SetHealth(f.Engines[2], EngineHealth.Draining, f.Now);
        for (var i = 0; i < 40; i++)
        {
            f.Submit(prompt: 64);
            var taken = f.Take();
            f.Now += 0.05;
            f.Core.FirstToken(taken.Ticket, f.Now);
        }

        f.Core.SetHealth(f.Engines[1], EngineHealth.Healthy, f.Now);
        f.Core.SetHealth(f.Engines[2], EngineHealth.Healthy, f.Now);
        Assert.Equal(40, f.Core.PoolOf(1).Row(0).Running);
        var small = f.Core.Decide(Request(f, 32) with { ExpectedOutputTokens = 1 }, f.Now);
        var large = f.Core.Decide(Request(f, 32_000) with { ExpectedOutputTokens = 1 }, f.Now);

        Assert.Equal(RouteKind.Disaggregated, large.Kind);
        Assert.Equal((f.Engines[1], f.Engines[2]), (large.Prefill, large.Decode));
        Assert.True(large.Explanation.PairCost < large.Explanation.ColocatedCost);
        Assert.Equal(RouteKind.Colocated, small.Kind);
    }

    [Fact]
    public void An_engine_that_hangs_looks_busier_every_second_and_gets_nothing_more()
    {
        var f = new CoreFixture();
        f.Submit(prompt: 800);
        var hanging = f.Take().Prefill;
        f.Now = 20;

        for (var i = 0; i < 5; i++)
        {
            f.Submit(prompt: 800);
            var taken = f.Take();
            Assert.NotEqual(hanging, taken.Prefill);
            f.Now += 0.2;
            f.Finish(taken, prompt: 800);
        }
    }

    [Fact]
    public void Speed_is_learned_from_responses_and_no_hardware_is_assumed()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        var random = new Random(3);
        for (var i = 0; i < 200; i++)
        {
            var prompt = random.Next(100, 4000);
            f.Submit(prompt: prompt);
            var taken = f.Take();
            f.Now += 0.1 + (prompt / 500.0);
            f.Finish(taken, prompt, cached: 0, output: 1);
        }

        var explanation = f.Core.Decide(Request(f, 1000), f.Now).Explanation;
        Assert.InRange(explanation.PrefillSeconds, 2.05, 2.15);
    }

    [Fact]
    public void An_engine_that_never_has_what_it_promises_is_no_longer_believed()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        var blocks = CoreFixture.Blocks(0, 100);
        for (var i = 0; i < 100; i++)
        {
            f.Submit(blocks: blocks);
            var taken = f.Take();
            f.Now += 1;
            f.Finish(taken, cached: 0);
        }

        Assert.InRange(f.Core.Decide(Request(f, 1600) with { Blocks = blocks }, f.Now).Explanation.CachedTokens, 0, 20);
    }

    [Fact]
    public void What_would_have_to_wait_or_to_push_another_out_is_not_decided_to_go_now()
    {
        var f = new CoreFixture(
            new() { MaxWaiting = 2 },
            new("a", "m") { MaxRunning = 1 },
            new EngineDescription("b", "m") { MaxRunning = 1 });
        f.Submit();
        var first = f.Take();
        var avoiding = Request(f, 10) with { Avoid = first.Decode };

        Assert.Equal((RouteKind.Colocated, true), Decide(f, avoiding, other: first.Decode));
        f.Submit();
        f.Take();
        Assert.Equal((RouteKind.Wait, true), Decide(f, avoiding, other: first.Decode));
    }

    private static (RouteKind Kind, bool Avoided) Decide(CoreFixture f, in RouteRequest request, EngineRef other)
    {
        var decided = f.Core.Decide(request, f.Now);
        return (decided.Kind, decided.Decode != other);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(30)]
    public void The_window_of_the_busy_share_may_be_short(double seconds)
    {
        var f = new CoreFixture(new() { BusyWindowSeconds = seconds });
        f.Submit();
        var taken = f.Take();
        f.Now = 10;
        f.Finish(taken);

        Assert.InRange(f.Core.PoolOf(1).Row(taken.Prefill.Index).BusyShare, 0.2, 1);
    }

    [Fact]
    public void Where_reading_costs_others_nothing_a_copy_saves_nothing()
    {
        var shared = new SharedPrefixes();
        var blocks = CoreFixture.Blocks(0, 10);
        shared.Begin(blocks);
        shared.Begin(blocks);
        var index = new KvIndex(new());
        index.Add(0);
        foreach (var key in blocks)
            index.Store(0, key);
        var matches = new PrefixMatches();
        index.Match(blocks, matches);

        Assert.True(shared.SavedTokens(blocks, matches, [new() { Open = true }], 0, 16).IsEmpty);
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        var f = new CoreFixture(null, CoreFixture.Named(64));
        var request = Request(f, 1600) with { Blocks = CoreFixture.Blocks(0, 100) };
        for (var i = 0; i < 200; i++)
            f.Core.Decide(request, f.Now);

        // The runtime compiles loops while they run, and may grow a table of its own for that: not in every round.
        Assert.Contains(0, Enumerable.Range(0, 5).Select(_ => AllocatedBy(() => f.Core.Decide(request, f.Now))));
    }

    private static long AllocatedBy(Func<Assignment> decide)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            decide();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static RouteRequest Request(CoreFixture f, int prompt) =>
        new() { Pool = 1, Tenant = f.Tenant("a"), PromptTokens = prompt, ExpectedOutputTokens = 100 };
}
