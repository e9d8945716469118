namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>Requests that are split between two engines, those that must not be, and what is learned.</summary>
public class SplitTests
{
    private static readonly RoutingOptions Always = new() { Disaggregation = DisaggregationMode.Always };

    [Fact]
    public void A_prefill_engine_that_fails_at_once_teaches_nothing_and_attracts_nothing()
    {
        var f = new CoreFixture(
            Always,
            Prefill("bad") with { Source = KvSource.Responses },
            Prefill("good") with { Source = KvSource.Responses },
            Decode("d") with { Source = KvSource.Responses });
        for (var i = 0; i < 20; i++)
        {
            var fails = i % 2 == 0;
            var other = f.Engines[fails ? 1 : 0];
            f.Core.Submit(Request(f) with { Avoid = other, Blocks = CoreFixture.Blocks(1000 * i, 100) }, f.Now);
            var taken = f.Take();
            f.Now += fails ? 0.002 : 0.2;
            Assert.True(fails
                ? f.Core.PrefillSkipped(taken.Ticket, f.Now)
                : f.Core.PrefillDone(taken.Ticket, f.Now, 0));
            f.Now += 0.25;
            f.Finish(taken, output: 10);
        }

        f.Core.Submit(Request(f) with { Blocks = CoreFixture.Blocks(100_000, 100) }, f.Now);

        Assert.Equal(f.Engines[1], f.Take().Prefill);
        Assert.Equal((0, 1100), (f.Core.IndexOf(1).HeldBy(0), f.Core.IndexOf(1).HeldBy(1)));
        Assert.Equal(0.21, f.Core.PoolOf(1).Row(0).PrefillSeconds(1600), 9);
    }

    [Fact]
    public void A_skipped_prefill_is_work_of_the_engine_that_does_it_instead()
    {
        var f = new CoreFixture(Always, Prefill("p"), Decode("d"));
        var blocks = CoreFixture.Blocks(0, 100);
        f.Submit(blocks: blocks);
        var taken = f.Take();
        var pool = f.Core.PoolOf(1);
        Assert.Equal((1, 0), (pool.Row(0).Prefilling, pool.Row(1).Prefilling));
        f.Now = 0.5;

        Assert.True(f.Core.PrefillSkipped(taken.Ticket, f.Now));

        Assert.Equal((0, 0, 0), (pool.Row(0).Prefilling, pool.Row(0).Running, f.Core.IndexOf(1).HeldBy(0)));
        Assert.Equal((1, 1, 100), (pool.Row(1).Prefilling, pool.Row(1).Running, f.Core.IndexOf(1).HeldBy(1)));
        Assert.True(pool.Row(1).PrefillingSeconds(f.Now) > 0.1);
        Assert.False(f.Core.PrefillSkipped(taken.Ticket, f.Now));
        f.Now = 1;
        f.Finish(taken);
        Assert.Equal((0, 0, 0), (pool.Row(1).Prefilling, pool.Row(1).Running, f.Core.UnderWay));
        Assert.Equal(new TransferPredictor(Always).Line, pool.Transfer.Line);
    }

    [Fact]
    public void When_what_was_read_does_not_arrive_it_is_read_again_where_it_is_answered_and_not_split_again()
    {
        var f = new CoreFixture(Always, Prefill("p"), Decode("d"), new EngineDescription("both", "m"));
        f.Submit();
        var taken = f.Take();
        f.Now = 0.2;
        f.Core.PrefillDone(taken.Ticket, f.Now, 0);
        Assert.True(f.Core.PrefillSkipped(taken.Ticket, f.Now));
        Assert.Equal(1, f.Core.PoolOf(1).Row(taken.Decode.Index).Prefilling);

        Assert.True(f.Core.Requeue(taken.Ticket, RouteFailure.EngineError, 0, f.Now));

        Assert.Equal(RouteKind.Colocated, f.Take().Kind);
    }

    [Fact]
    public void Only_engines_that_can_move_kv_state_to_one_another_make_pairs()
    {
        var f = new CoreFixture(
            Always,
            Prefill("a") with { TransferGroup = 1 },
            Prefill("b") with { TransferGroup = 2 },
            Prefill("c") with { TransferGroup = 0 },
            Decode("d") with { TransferGroup = 2 },
            Decode("e") with { TransferGroup = 0 });

        for (var i = 0; i < 5; i++)
        {
            f.Submit();
            var taken = f.Take();
            Assert.Equal((f.Engines[1], f.Engines[3]), (taken.Prefill, taken.Decode));
            f.Now += 0.1;
            f.Core.PrefillDone(taken.Ticket, f.Now);
            f.Finish(taken);
        }
    }

    [Fact]
    public void An_engine_that_writes_reads_too_when_nothing_can_be_moved_to_it()
    {
        var f = new CoreFixture(null, Prefill("p") with { TransferGroup = 1 }, Decode("d") with { TransferGroup = 2 });

        f.Submit();

        var taken = f.Take();
        Assert.Equal((RouteKind.Colocated, f.Engines[1]), (taken.Kind, taken.Decode));
    }

    [Fact]
    public void A_request_that_must_not_be_split_goes_to_one_engine()
    {
        var f = new CoreFixture(Always, CoreFixture.Named(3));
        var pair = new CoreFixture(Always, Prefill("p"), Decode("d"));

        Assert.Equal(RouteKind.Disaggregated, f.Core.Decide(Request(f), 0).Kind);
        Assert.Equal(RouteKind.Colocated, f.Core.Decide(Request(f) with { Colocated = true }, 0).Kind);
        Assert.Equal(pair.Engines[1], pair.Core.Decide(Request(pair) with { Colocated = true }, 0).Prefill);
    }

    [Fact]
    public void A_group_beyond_the_last_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new CoreFixture(
            null, Prefill("p") with { TransferGroup = EngineDescription.MaxTransferGroup + 1 }));

    [Fact]
    public void A_pair_that_tells_its_first_token_only_teaches_nothing_of_the_transfer()
    {
        var f = new CoreFixture(Always, Prefill("p"), Decode("d"));
        for (var i = 0; i < 20; i++)
        {
            f.Submit();
            var taken = f.Take();
            f.Now += 0.3;
            f.Finish(taken);
        }

        Assert.Equal(new TransferPredictor(Always).Line, f.Core.PoolOf(1).Transfer.Line);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_answer_outlives_the_engine_that_read_its_prompt(bool replaced)
    {
        var f = new CoreFixture(Always, Prefill("p"), Decode("d"));
        var blocks = CoreFixture.Blocks(0, 100);
        f.Submit(blocks: blocks);
        var taken = f.Take();
        f.Now = 5;
        f.Core.PrefillDone(taken.Ticket, f.Now);
        f.Core.FirstToken(taken.Ticket, f.Now);
        f.Core.RemoveEngine(taken.Prefill, f.Now);
        if (replaced)
            Assert.Equal(taken.Prefill, f.Core.AddEngine(Prefill("new") with { Source = KvSource.Responses }, f.Now));
        f.Now = 6;

        Assert.True(f.Core.Completed(taken.Ticket, 1600, 800, 100, f.Now));

        Assert.Equal(0, f.Core.IndexOf(1).HeldBy(taken.Prefill.Index));
        Assert.Equal(0, f.Core.UnderWay);
        if (replaced)
            Assert.InRange(f.Core.PoolOf(1).Row(taken.Prefill.Index).PrefillSeconds(1600), 0.2, 0.22);
    }

    [Fact]
    public void An_engine_that_takes_over_is_credited_with_its_own_tokens_only()
    {
        var f = new CoreFixture();
        for (var i = 0; i < 100; i++)
        {
            f.Core.Submit(Request(f) with { Avoid = f.Engines[1] }, f.Now);
            var taken = f.Take();
            f.Now += 0.2;
            f.Core.FirstToken(taken.Ticket, f.Now);
            Assert.True(f.Core.Requeue(taken.Ticket, RouteFailure.EngineError, outputTokens: 900, f.Now));
            taken = f.Take();
            Assert.Equal(f.Engines[1], taken.Decode);
            f.Now += 0.2;
            f.Core.FirstToken(taken.Ticket, f.Now);
            f.Now += 100 * 0.05;
            Assert.True(f.Core.Completed(taken.Ticket, 1600, 0, 1001, f.Now));
        }

        ref readonly var row = ref f.Core.PoolOf(1).Row(1);
        Assert.InRange(row.DecodeSeconds + row.DecodeSecondsPerRunning, 0.045, 0.055);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 3)]
    public void A_prompt_is_read_from_when_the_one_in_front_of_it_was_given_up(int givenUp, double measured)
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        var tickets = new List<RouteTicket>();
        for (var i = 0; i < 2; i++)
        {
            f.Submit();
            tickets.Add(f.Take().Ticket);
            f.Now = 0.1;
        }

        f.Now = 2;
        f.Core.Failed(tickets[givenUp], RouteFailure.Cancelled, f.Now);
        f.Now = 3;
        f.Core.FirstToken(tickets[1 - givenUp], f.Now);

        Assert.Equal(measured, f.Core.PoolOf(1).Engine(0).PrefillBusySeconds, 9);
    }

    [Fact]
    public void A_prompt_that_ends_before_the_one_in_front_of_it_shortens_nothing()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        var tickets = new List<RouteTicket>();
        for (var i = 0; i < 3; i++)
        {
            f.Submit(prompt: 100);
            tickets.Add(f.Take().Ticket);
            f.Now += 0.01;
        }

        double BusyAfter(int prompt, double at)
        {
            f.Now = at;
            f.Core.FirstToken(tickets[prompt], f.Now, cachedTokens: 0);
            return f.Core.PoolOf(1).Engine(0).PrefillBusySeconds;
        }

        Assert.Equal(0, BusyAfter(1, 2), 9);
        Assert.Equal(3, BusyAfter(0, 3), 9);
        Assert.Equal(7, BusyAfter(2, 7), 9);
        Assert.Equal(0, f.Core.PoolOf(1).Row(0).Prefilling);
    }

    private static EngineDescription Prefill(string name) => new(name, "m") { Roles = EngineRoles.Prefill };

    private static EngineDescription Decode(string name) => new(name, "m") { Roles = EngineRoles.Decode };

    private static RouteRequest Request(CoreFixture f) =>
        new() { Pool = 1, Tenant = f.Tenant("a"), PromptTokens = 1600, ExpectedOutputTokens = 100 };
}
