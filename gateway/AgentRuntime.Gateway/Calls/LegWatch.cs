namespace AgentRuntime.Gateway;

/// <summary>
/// A leg's cancellation: the caller's, or a deadline that each sign of life moves on. Tells the two apart. Not
/// thread-safe; one leg owns it.
/// </summary>
internal sealed class LegWatch : IDisposable
{
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _deadline;
    private readonly CancellationTokenSource _either;

    public LegWatch(TimeProvider time, TimeSpan first, CancellationToken caller)
    {
        _caller = caller;
        _deadline = new CancellationTokenSource(first, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(caller, _deadline.Token);
    }

    public CancellationToken Token => _either.Token;

    public bool TimedOut => _deadline.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Gives the next sign of life this long.</summary>
    public void Within(TimeSpan next) => _deadline.CancelAfter(next);

    public void Dispose()
    {
        _either.Dispose();
        _deadline.Dispose();
    }
}
