namespace AgentRuntime.Gateway;

/// <summary>
/// A leg's cancellation: the caller's, or a deadline for what the engine is being waited for. Tells the two apart.
/// Between two waits no deadline runs: the time that a client takes must not be counted against its engine. Not
/// thread-safe; one leg owns it.
/// </summary>
internal sealed class LegWatch : IDisposable
{
    private readonly TimeProvider _time;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenRegistration _left;
    private TimeSpan? _together;
    private long _waitsSince;

    public LegWatch(TimeProvider time, TimeSpan first, CancellationToken caller)
    {
        _time = time;
        _caller = caller;
        _stop = new CancellationTokenSource(first, time);
        _left = caller.UnsafeRegister(static stop => ((CancellationTokenSource)stop!).Cancel(), _stop);
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>Whether a deadline runs; the first one does from the beginning.</summary>
    public bool Runs { get; private set; } = true;

    public bool TimedOut => _stop.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Gives the next sign of life this long.</summary>
    public void Within(TimeSpan next)
    {
        _waitsSince = _time.GetTimestamp();
        _stop.CancelAfter(_together < next ? _together.Value : next);
        Runs = true;
    }

    /// <summary>Gives all that is waited for from now on so long together.</summary>
    public void Together(TimeSpan all)
    {
        Rest();
        _together = all;
    }

    /// <summary>What was waited for is there.</summary>
    public void Rest()
    {
        if (!Runs)
            return;

        _stop.CancelAfter(Timeout.InfiniteTimeSpan);
        Runs = false;
        if (_together is not { } left)
            return;
        left -= _time.GetElapsedTime(_waitsSince);
        _together = left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    public void Dispose()
    {
        _left.Dispose();
        _stop.Dispose();
    }
}
