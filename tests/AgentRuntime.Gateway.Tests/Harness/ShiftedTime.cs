namespace AgentRuntime.Gateway.Tests;

/// <summary>The system's clock and timers, the clock ahead by what a test says. Thread-safe.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    private long _aheadTicks;

    public void Advance(TimeSpan by) => Interlocked.Add(ref _aheadTicks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

    public override long GetTimestamp() =>
        base.GetTimestamp() + (long)(Ahead.TotalSeconds * TimestampFrequency);

    private TimeSpan Ahead => new(Interlocked.Read(ref _aheadTicks));
}
