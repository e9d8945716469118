using AgentRuntime.Abstractions;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Transfer;

public sealed class KvLeaseTableTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(30);

    [Fact]
    public void A_clock_that_is_set_ends_no_lease_and_keeps_none()
    {
        var time = new SetClock();
        using var leases = new KvLeaseTable(DemoNode.Options with { KvLease = Duration }, time);
        var computed = leases.Open(new int[600], null, null, 256);
        var waiting = leases.Open(new int[600], null, null, 256);
        leases.Begin(waiting);

        time.Now += TimeSpan.FromDays(1);
        time.Tick();
        Assert.NotNull(leases.Touch(waiting.Id));
        time.Now -= TimeSpan.FromDays(2);
        time.Elapsed += Duration - TimeSpan.FromSeconds(1);
        time.Tick();
        Assert.NotNull(leases.Touch(waiting.Id));
        time.Elapsed += Duration;
        Assert.Null(leases.Touch(waiting.Id));
        time.Tick();
        Assert.Equal((1, 1), (leases.Count, leases.Expired));
        Assert.NotNull(leases.Touch(computed.Id));
    }

    [Fact]
    public void A_receiver_that_only_renews_a_lease_does_not_hold_it_for_good()
    {
        var time = new SetClock();
        using var leases = new KvLeaseTable(DemoNode.Options with { KvLease = Duration }, time);
        var lease = leases.Open(new int[600], null, null, 256);
        // However long it took to compute.
        time.Elapsed += TimeSpan.FromHours(1);
        leases.Begin(lease);
        var renewals = 0;
        for (; leases.Touch(lease.Id) is not null && renewals < 1000; renewals++) time.Elapsed += Duration / 3;

        Assert.Equal(60, renewals); // ten minutes
        time.Tick();
        Assert.Equal((0, 1), (leases.Count, leases.Expired));
    }

    [Fact]
    public void One_tenants_state_does_not_take_the_room_of_anothers()
    {
        using var leases = new KvLeaseTable(DemoNode.Options with { KvLeaseBytes = new(100_000) }, new SetClock());
        var state = KvBuffer.Of(new byte[10_000]);
        var first = Enumerable.Range(0, 10).Select(_ => leases.Open(new int[257], null, "acme", 256)).ToList();
        foreach (var lease in first) lease.Export.Add(0, 256, state);
        Assert.Equal(7, first.Count(lease => lease.Export.IsComplete));

        var other = leases.Open(new int[257], null, "globex", 256);
        other.Export.Add(0, 256, state);
        Assert.True(other.Export.IsComplete);

        foreach (var lease in first) Assert.True(leases.Release(lease.Id));
        var next = leases.Open(new int[257], null, "globex", 256);
        next.Export.Add(0, 256, state);
        Assert.True(next.Export.IsComplete);
        leases.Release(next.Id);
        leases.Release(other.Id);
        Assert.Equal(0, leases.Bytes);
    }

    [Fact]
    public void One_tenant_does_not_take_every_lease()
    {
        using var leases = new KvLeaseTable(DemoNode.Options, new SetClock());
        var refused = Assert.Throws<RuntimeErrorException>(() =>
        {
            while (leases.Count < 10_000) leases.Open(new int[600], null, "acme", 256);
        });
        Assert.Equal(ReasonCodes.Saturated, refused.Error.Code);

        var other = leases.Open(new int[600], null, "globex", 256);
        Assert.NotNull(leases.Touch(other.Id));
    }

    /// <summary>Time of day and time that passes, each moved by the test.</summary>
    private sealed class SetClock : TimeProvider, ITimer
    {
        private Action _tick = () => { };

        public DateTimeOffset Now { get; set; } = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

        public TimeSpan Elapsed { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Tick() => _tick();

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => Elapsed.Ticks;

        public override ITimer CreateTimer(
            TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _tick = () => callback(state);
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
            // Nothing runs.
        }

        public ValueTask DisposeAsync() => default;
    }
}
