using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>For how long an engine is left alone.</summary>
public class CircuitBreakerTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    [Fact]
    public void An_engine_that_takes_many_requests_with_it_is_left_alone_for_one_pause()
    {
        var time = new SteppedTime();
        var circuit = new CircuitBreaker(5, Pause, time);
        for (var i = 0; i < 200; i++)
            circuit.Failed();
        Assert.False(circuit.IsClosed);

        time.Advance(Pause);

        Assert.True(circuit.IsClosed);
        Assert.True(circuit.TryEnter());
    }

    [Fact]
    public void Requests_that_fail_late_do_not_prolong_the_pause()
    {
        var time = new SteppedTime();
        var circuit = new CircuitBreaker(1, Pause, time);
        circuit.Failed();
        time.Advance(Pause - TimeSpan.FromSeconds(1));
        circuit.Failed();

        time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(circuit.TryEnter());
    }

    [Fact]
    public void The_pause_doubles_while_trials_fail_up_to_sixteen_times_as_long()
    {
        var time = new SteppedTime();
        var circuit = new CircuitBreaker(1, Pause, time);
        circuit.Failed();
        foreach (var times in new[] { 1, 2, 4, 8, 16, 16 })
        {
            time.Advance((times * Pause) - TimeSpan.FromSeconds(1));
            Assert.False(circuit.TryEnter());
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.True(circuit.TryEnter());
            circuit.Failed();
        }

        time.Advance(16 * Pause);
        Assert.True(circuit.TryEnter());
        circuit.Succeeded();
        Assert.True(circuit.IsClosed);
    }

    [Fact]
    public void One_tenants_failures_do_not_keep_an_engine_from_others_that_it_served_lately()
    {
        var time = new SteppedTime();
        var circuit = new CircuitBreaker(3, Pause, time);
        circuit.Succeeded(Tenant(2));
        circuit.Succeeded(Tenant(1));
        for (var i = 0; i < 10; i++)
            circuit.Failed(Tenant(1));
        Assert.True(circuit.TryEnter());

        // The other's fails too: it is the engine.
        circuit.Failed(Tenant(2));
        Assert.False(circuit.TryEnter());
    }

    [Fact]
    public void One_tenants_failures_close_an_engine_that_served_nobody_else_lately()
    {
        var time = new SteppedTime();
        var circuit = new CircuitBreaker(3, Pause, time);
        circuit.Succeeded(Tenant(2));
        circuit.Succeeded(Tenant(1));
        time.Advance(TimeSpan.FromMinutes(1));
        circuit.Succeeded(Tenant(1));
        circuit.Failed(Tenant(1));
        circuit.Failed(Tenant(1));
        Assert.True(circuit.TryEnter());
        circuit.Failed(Tenant(1));
        Assert.False(circuit.TryEnter());
    }

    private static TenantId Tenant(int number) => new(new Guid(number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
}
