namespace AgentRuntime.Gateway;

/// <summary>
/// A leg's cancellation: the caller's, or a deadline for what the engine is being waited for. Tells the two apart.
/// Between two waits no deadline runs: the time that a client takes must not be counted against its engine. Not
/// thread-safe; one leg owns it.
/// </summary>
internal sealed class LegWatch : IDisposable
{
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenRegistration _left;

    public LegWatch(TimeProvider time, TimeSpan first, CancellationToken caller)
    {
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
        _stop.CancelAfter(next);
        Runs = true;
    }

    /// <summary>What was waited for is there.</summary>
    public void Rest()
    {
        if (!Runs)
            return;

        _stop.CancelAfter(Timeout.InfiniteTimeSpan);
        Runs = false;
    }

    public void Dispose()
    {
        _left.Dispose();
        _stop.Dispose();
    }
}
