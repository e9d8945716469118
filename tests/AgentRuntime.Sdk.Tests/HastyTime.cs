using System.Collections.Concurrent;

namespace AgentRuntime.Sdk.Tests;

/// <summary>
/// A clock whose timers are due at once and remembered, but for those that no test waits for. Thread-safe.
/// </summary>
internal sealed class HastyTime : TimeProvider
{
    private readonly ConcurrentQueue<TimeSpan> _waited = new();

    public IReadOnlyList<TimeSpan> Waited => [.. _waited];

    /// <summary>Whether a timer that is set to so long is due at once, or never; below half a minute it is.</summary>
    public Func<TimeSpan, bool> IsDue { get; set; } = static due => due < TimeSpan.FromSeconds(30);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var isDue = dueTime != Timeout.InfiniteTimeSpan && IsDue(dueTime);
        if (isDue) _waited.Enqueue(dueTime);
        return System.CreateTimer(callback, state, isDue ? TimeSpan.Zero : Timeout.InfiniteTimeSpan, period);
    }
}
