namespace AgentRuntime.Gateway.Tests;

/// <summary>The wall clock may step; what lasts for a while is measured on one that does not.</summary>
public class WallClockTests
{
    private readonly SteppedTime _time = new();

    [Theory]
    [InlineData(24)]
    [InlineData(-24)]
    public async Task A_lease_lasts_as_long_as_it_is(int hours)
    {
        var registered = new RegisteredEngines(new() { JoinSecret = new byte[16] }, _time);
        registered.Put(new EngineDescriptor("a", new Uri("http://127.0.0.1:1"), EngineKind.Node), draining: false);

        _time.StepWallClock(TimeSpan.FromHours(hours));
        Assert.Single((await registered.ListAsync(CancellationToken.None))!);
        _time.Advance(registered.Lease);

        Assert.Empty((await registered.ListAsync(CancellationToken.None))!);
    }

    [Theory]
    [InlineData(24)]
    [InlineData(-24)]
    public void An_engine_is_left_alone_for_as_long_as_it_is_to_be(int hours)
    {
        var circuit = new CircuitBreaker(1, TimeSpan.FromSeconds(5), _time);
        circuit.Failed();

        _time.StepWallClock(TimeSpan.FromHours(hours));
        Assert.False(circuit.IsClosed);
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.True(circuit.IsClosed);
        Assert.True(circuit.TryEnter());
    }
}
