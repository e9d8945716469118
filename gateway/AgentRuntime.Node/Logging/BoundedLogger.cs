using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Logging;

/// <summary>
/// Passes on what a person can read and a disk can hold, whatever a client provokes: so many entries at once, then one
/// a second. The others are counted, and the next that passes says how many they were. Thread-safe.
/// </summary>
internal sealed class BoundedLogger(ILogger inner, TimeProvider time) : ILogger
{
    /// <summary>Entries at once, after a while without any.</summary>
    public const int Burst = 20;

    private readonly Lock _gate = new();
    private int _credit = Burst;
    private long _creditAt = time.GetTimestamp();
    private long _leftOut;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!inner.IsEnabled(logLevel) || !MayPass(out var leftOut)) return;
        if (leftOut > 0) NodeLog.LeftOut(inner, leftOut);
        inner.Log(logLevel, eventId, state, exception, formatter);
    }

    private bool MayPass(out long leftOut)
    {
        lock (_gate)
        {
            leftOut = 0;
            var seconds = (long)time.GetElapsedTime(_creditAt).TotalSeconds;
            if (seconds > 0)
            {
                _credit = (int)Math.Min(Burst, _credit + seconds);
                _creditAt = time.GetTimestamp();
            }

            if (_credit == 0)
            {
                _leftOut++;
                return false;
            }

            _credit--;
            (leftOut, _leftOut) = (_leftOut, 0);
            return true;
        }
    }
}
