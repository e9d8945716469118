namespace AgentRuntime.Gateway.Routing.Tests;

public class FaultySimulationTests
{
    [Theory]
    [InlineData(1, DisaggregationMode.Auto, 4)]
    [InlineData(2, DisaggregationMode.Auto, 2)]
    [InlineData(3, DisaggregationMode.Always, 4)]
    [InlineData(4, DisaggregationMode.Never, 3)]
    [InlineData(5, DisaggregationMode.Always, 2)]
    [InlineData(6, DisaggregationMode.Auto, 9)]
    public void Every_request_ends_once_waits_within_its_bound_and_leaves_nothing_behind(
        int seed, DisaggregationMode mode, int engines)
    {
        var simulation = new FaultySimulation(seed, mode, engines);

        simulation.Play(seconds: 60);

        Assert.True(simulation.Submitted > 1000);
        Assert.True(simulation.Moved > 0, "no request met a dying engine: the test shows nothing");
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
            Assert.Equal(0, pool.Engine(engine).Queue.Count);
            Assert.Equal(0, pool.Engine(engine).PrefillingSeconds, 6);
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
