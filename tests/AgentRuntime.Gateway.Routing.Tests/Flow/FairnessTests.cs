using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Gateway.Routing.Tests;

public class FairnessTests
{
    private static readonly SimulationOptions Pool = new() { BlockTokens = 64, KvTokens = 2_000_000 };

    private static readonly RoutingOptions Routing = TraceSimulation.RoutingFor(Pool) with
    {
        Classes = [new SloClass("interactive", 0) { TtftSeconds = 2, MaxWaitSeconds = 30, PromoteAfterSeconds = 30 }],
        MaxWaiting = 4_000, MaxWaitingPerTenant = 1_000,
    };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_tenant_within_its_share_hardly_notices_another_that_sends_ten_times_its_own(int seed)
    {
        var victim = Tenant(0, 9.6, seed);
        var alone = TraceSimulation.Run("ours", victim, Pool, Routing).Tenants[0];
        var both = SyntheticTrace.Merge(victim, Tenant(1, 120, seed + 1));
        var flooded = TraceSimulation.Run("ours", both, Pool, Routing).Tenants[0];

        Assert.Equal(0, flooded.Refused);
        Assert.InRange(flooded.TtftP99Seconds / alone.TtftP99Seconds, 0, 1.5);
    }

    [Fact]
    public void Two_tenants_that_both_want_more_than_there_is_get_the_same()
    {
        var both = TraceSimulation.Run(
            "ours", SyntheticTrace.Merge(Tenant(0, 36, 3), Tenant(1, 120, 2)), Pool, Routing).Tenants;

        Assert.InRange(both[0].ServedTokens / both[1].ServedTokens, 0.95, 1.05);
    }

    [Fact]
    public void What_is_cached_goes_first_until_another_tenants_first_token_is_overdue()
    {
        var f = new CoreFixture(null, new EngineDescription("e", "m") { MaxRunning = 1 });
        var blocks = CoreFixture.Blocks(0, 100);
        f.Submit(blocks: blocks, tenant: "cached");
        var running = f.Take();
        var other = f.Submit(prompt: 100, tenant: "other");
        var passed = -1;
        do
        {
            passed++;
            f.Submit(blocks: blocks, tenant: "cached");
            f.Now += 0.1;
            f.Finish(running, cached: 1_599, output: 1);
            running = f.Take();
        }
        while (running.Ticket != other);

        // An interactive first token is due within 2 s.
        Assert.InRange(passed, 10, 25);
    }

    [Fact]
    public void A_tenant_with_twice_the_weight_gets_twice_as_much()
    {
        var f = new CoreFixture(
            new() { LocalityDeficitTokens = 0 }, new EngineDescription("e", "m") { MaxRunning = 1 });
        f.Core.SetTenantWeight(1, f.Tenant("heavy"), 2);
        Dictionary<RouteTicket, string> owners = [];
        for (var i = 0; i < 90; i++)
        {
            owners[f.Submit(prompt: 100, tenant: "heavy")] = "heavy";
            owners[f.Submit(prompt: 100, tenant: "light")] = "light";
        }

        var served = new List<string>();
        while (served.Count < 60)
        {
            f.Now += 0.01;
            var taken = f.Take();
            served.Add(owners[taken.Ticket]);
            f.Finish(taken, prompt: 100, output: 100);
        }

        Assert.InRange(served.Count(o => o == "heavy"), 38, 42);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    public void Being_away_earns_a_burst_and_no_more(double burstSeconds)
    {
        var f = new CoreFixture(
            new() { LocalityDeficitTokens = 0, BurstSeconds = burstSeconds },
            new EngineDescription("e", "m") { MaxRunning = 1 });
        KeepBusy(f);
        var order = OrderAgainstBusy(f, "back");

        // The engine reads one such prompt a second, and the rest of the time is shared.
        Assert.InRange(order.Count(o => o == "back"), 9 + (burstSeconds / 2), 11 + (burstSeconds / 2));
    }

    [Fact]
    public void Newcomers_one_after_the_other_get_no_more_than_a_burst_each()
    {
        var f = new CoreFixture(
            new() { LocalityDeficitTokens = 0, BurstSeconds = 4 }, new EngineDescription("e", "m") { MaxRunning = 1 });
        KeepBusy(f);
        for (var i = 0; i < 10; i++)
        {
            f.Submit(prompt: 10, tenant: $"new{i}");
            var taken = f.Take();
            f.Now += 0.01;
            f.Finish(taken, prompt: 10, output: 1);
        }

        var order = OrderAgainstBusy(f, "last");

        // Of the burst, which is four such prompts, half is ahead of an equal share.
        Assert.InRange(order.Count(o => o == "last"), 9, 13);
    }

    [Fact]
    public void A_weight_does_not_change_when_a_tenant_returned()
    {
        var f = new CoreFixture(new() { LocalityDeficitTokens = 0 });
        var pool = f.Core.PoolOf(1);
        pool.VirtualTime = 1000;
        var share = pool.Share(f.Tenant("a"));
        pool.Return(share);

        f.Core.SetTenantWeight(1, f.Tenant("a"), 10);

        Assert.Equal((1000, 1000), (share.ReturnedAt, share.VirtualTime));
    }

    [Fact]
    public void Who_returns_with_less_than_a_burst_in_hand_does_not_set_the_pool_back()
    {
        var f = new CoreFixture(new() { BurstSeconds = 10 });
        f.Core.Advance(f.Now);
        var pool = f.Core.PoolOf(1);
        pool.VirtualTime = 100_000;
        pool.Share(f.Tenant("a")).Served = 90_000;
        Assert.True(pool.ServedOnReturn(null) < 90_000);

        f.Submit(tenant: "a");
        f.Take();

        Assert.Equal(100_000, pool.VirtualTime);
    }

    [Fact]
    public void A_full_router_takes_from_the_longest_queue_and_not_from_who_comes_next()
    {
        var f = new CoreFixture(
            new() { MaxWaiting = 10, MaxWaitingPerTenant = 10 }, new EngineDescription("e", "m") { MaxRunning = 1 });
        f.Submit(tenant: "flood");
        f.Take();
        var flood = Enumerable.Range(0, 10).Select(_ => f.Submit(tenant: "flood")).ToList();

        f.Submit(tenant: "other");

        var refused = f.Take();
        Assert.Equal((RouteKind.Refused, ReasonCodes.Saturated), (refused.Kind, refused.Reason));
        Assert.Contains(refused.Ticket, flood);
        f.Submit(tenant: "flood");
        Assert.Equal(RouteKind.Refused, f.Take().Kind);
        Assert.Equal(10, f.Core.Waiting);
    }

    private static List<TraceRequest> Tenant(int number, double requestsPerSecond, int seed) => new SyntheticTrace
    {
        Tenant = number, RequestsPerSecond = requestsPerSecond, Seconds = 120, BlockTokens = 64, TurnTokens = 1024,
        TurnSpread = 1.2,
    }.Make(seed);

    /// <summary>One tenant has the engine to itself for 50 prompts of a second.</summary>
    private static void KeepBusy(CoreFixture f)
    {
        for (var i = 0; i < 50; i++)
        {
            f.Submit(prompt: 1000, tenant: "busy");
            var taken = f.Take();
            f.Now += 1;
            f.Finish(taken, prompt: 1000);
            f.Core.Advance(f.Now);
        }
    }

    /// <summary>Whose the first 20 prompts are when another tenant wants as much as the busy one.</summary>
    private static List<string> OrderAgainstBusy(CoreFixture f, string rival)
    {
        Dictionary<RouteTicket, string> owners = [];
        for (var i = 0; i < 20; i++)
        {
            owners[f.Submit(prompt: 1000, tenant: "busy")] = "busy";
            owners[f.Submit(prompt: 1000, tenant: rival)] = rival;
        }

        var order = new List<string>();
        while (order.Count < 20)
        {
            var taken = f.Take();
            f.Now += 1;
            order.Add(owners[taken.Ticket]);
            f.Finish(taken, prompt: 1000);
        }

        return order;
    }
}
