namespace AgentRuntime.TestKit;

/// <summary>The system's clock and timers, the clock ahead by what a test says. Thread-safe.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long _aheadTicks;

    /// <summary>Moves the clock on.</summary>
    public void Advance(TimeSpan by) => Interlocked.Add(ref _aheadTicks, by.Ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

    /// <inheritdoc/>
    public override long GetTimestamp() =>
        base.GetTimestamp() + (long)(Ahead.TotalSeconds * TimestampFrequency);

    private TimeSpan Ahead => new(Interlocked.Read(ref _aheadTicks));
}
