namespace AgentRuntime.Gateway;

/// <summary>
/// A leg's cancellation: the caller's, or a deadline that each sign of life moves on. Tells the two apart. Not
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

    public bool TimedOut => _stop.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Gives the next sign of life this long.</summary>
    public void Within(TimeSpan next) => _stop.CancelAfter(next);

    public void Dispose()
    {
        _left.Dispose();
        _stop.Dispose();
    }
}
