namespace AgentRuntime.Gateway.Routing.Tests;

public class FaultySimulationTests
{
    [Theory]
    [InlineData(1, DisaggregationMode.Auto, 4, false)]
    [InlineData(2, DisaggregationMode.Auto, 2, false)]
    [InlineData(3, DisaggregationMode.Always, 4, false)]
    [InlineData(4, DisaggregationMode.Never, 3, false)]
    [InlineData(5, DisaggregationMode.Always, 2, false)]
    [InlineData(6, DisaggregationMode.Auto, 9, false)]
    [InlineData(11, DisaggregationMode.Auto, 4, true)]
    [InlineData(12, DisaggregationMode.Always, 4, true)]
    [InlineData(13, DisaggregationMode.Always, 9, true)]
    [InlineData(14, DisaggregationMode.Never, 3, true)]
    [InlineData(15, DisaggregationMode.Auto, 2, true)]
    [InlineData(16, DisaggregationMode.Auto, 2, true, true)]
    [InlineData(17, DisaggregationMode.Always, 5, true, true)]
    public void Every_request_ends_once_waits_within_its_bound_and_leaves_nothing_behind(
        int seed, DisaggregationMode mode, int engines, bool harsh, bool splitRoles = false)
    {
        var simulation = new FaultySimulation(seed, mode, engines, harsh, splitRoles);

        simulation.Play(seconds: 60);

        Assert.True(simulation.Submitted > 1000);
        Assert.True(simulation.Moved > 0, "no request met a dying engine: the test shows nothing");
        Assert.Equal(harsh, simulation.Removed > 0);
        Assert.Equal(harsh, simulation.Failed > 0);
        Assert.True(simulation.Skipped > 0 || !harsh || mode != DisaggregationMode.Always, "no prefill failed");
        Assert.Equal(simulation.Submitted, simulation.Ended);
        Assert.InRange(simulation.LongestWait, 0, FaultySimulation.MaxWait + 0.6);
        Assert.Equal((0, 0), (simulation.Core.UnderWay, simulation.Core.Waiting));
        var pool = simulation.Core.PoolOf(1);
        var charged = Enumerable.Range(0, 3)
            .Sum(t => pool.Share(Routing.Simulation.CoreRouter.TenantOf(t)).ChargedTokens);
        Assert.Equal(simulation.ExpectedCharge, charged, 3);
        Assert.Empty(pool.WaitingTenants.ToArray());
        Assert.Equal(0, pool.Shared.Count);
        for (var engine = 0; engine < pool.Places; engine++)
        {
            ref readonly var row = ref pool.Row(engine);
            Assert.Equal((0, 0), (row.Running, row.Prefilling));
            Assert.Equal(0, row.AllWaitingSeconds, 6);
            if (pool.Find(engine) is not { } state)
                continue;
            Assert.Equal(0, state.Queue.Count);
            Assert.Equal(0, state.PrefillingSeconds, 6);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        var a = new FaultySimulation(7, DisaggregationMode.Auto, 4);
        var b = new FaultySimulation(7, DisaggregationMode.Auto, 4);

        a.Play(30);
        b.Play(30);

        Assert.Equal(
            (a.Submitted, a.Moved, a.Refused, a.LongestWait),
            (b.Submitted, b.Moved, b.Refused, b.LongestWait));
    }
}
