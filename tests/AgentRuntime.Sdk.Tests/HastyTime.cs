using System.Collections.Concurrent;

namespace AgentRuntime.Sdk.Tests;

/// <summary>A clock whose timers are due at once; remembers what they were set to. Thread-safe.</summary>
internal sealed class HastyTime : TimeProvider
{
    private readonly ConcurrentQueue<TimeSpan> _waited = new();

    public IReadOnlyList<TimeSpan> Waited => [.. _waited];

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime != Timeout.InfiniteTimeSpan) _waited.Enqueue(dueTime);
        return System.CreateTimer(
            callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : TimeSpan.Zero, period);
    }
}
