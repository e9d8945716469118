using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>A journal whose store is lost when a test says so.</summary>
internal sealed class BrittleJournal(IRunJournal inner) : IRunJournal
{
    private volatile bool _down;
    private int _failures;
    private int _writesLeft;
    private bool _diesAfter;
    private TaskCompletionSource _died = new();

    /// <summary>
    /// Whether the store is lost just after it has written an event, or a new run (null), and before it says so.
    /// </summary>
    public Func<RunEventData?, bool> IsLostAfter { get; set; } = _ => false;

    /// <summary>Whether the store is away just when an event is to be written, which then is not.</summary>
    public Func<RunEventData, bool> IsLostBefore { get; set; } = _ => false;

    /// <summary>Whether nothing can be written or read.</summary>
    public bool IsDown
    {
        get => _down;
        set => _down = value;
    }

    /// <summary>How often it was asked in vain.</summary>
    public int Failures => Volatile.Read(ref _failures);

    /// <summary>What the reading of events waits for.</summary>
    public Func<Task> BeforeRead { get; set; } = () => Task.CompletedTask;

    /// <summary>
    /// Goes down for good at the n-th write to a run from now on, just before it is made or just after, as a process
    /// does that is killed. Completes then.
    /// </summary>
    public Task DieAt(int write, bool isWritten)
    {
        (_diesAfter, _died) = (isWritten, new(TaskCreationOptions.RunContinuationsAsynchronously));
        Volatile.Write(ref _writesLeft, write);
        return _died.Task;
    }

    /// <summary>Is there again, whether it died or not.</summary>
    public void Revive()
    {
        Volatile.Write(ref _writesLeft, 0);
        IsDown = false;
    }

    public async ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        await inner.CreateAsync(run, cancellationToken);
        ThrowIfLost(null);
    }

    public async ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        foreach (var e in events)
            if (IsLostBefore(e))
                throw Lost();
        var appended = await WriteAsync(() => inner.AppendAsync(run, lastSequence, events, cancellationToken));
        foreach (var e in events)
            ThrowIfLost(e);
        return appended;
    }

    public async ValueTask<RunEvent> TransitionAsync(
        RunRecord run, long lastSequence, RunEventData cause, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        var last = await WriteAsync(() => inner.TransitionAsync(run, lastSequence, cause, cancellationToken));
        ThrowIfLost(cause);
        return last;
    }

    public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        return inner.FindAsync(tenant, run, cancellationToken);
    }

    public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        return inner.ListAsync(tenant, before, limit, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
        RunId run, long afterSequence, int limit, CancellationToken cancellationToken)
    {
        await BeforeRead();
        ThrowIfDown();
        return await inner.ReadAsync(run, afterSequence, limit, cancellationToken);
    }

    public ValueTask<IReadOnlyList<WorkIdentity>> ListUnfinishedAsync(CancellationToken cancellationToken)
    {
        ThrowIfDown();
        return inner.ListUnfinishedAsync(cancellationToken);
    }

    private async ValueTask<T> WriteAsync<T>(Func<ValueTask<T>> write)
    {
        var isLast = Interlocked.Decrement(ref _writesLeft) == 0;
        if (isLast && !_diesAfter)
            throw Died();
        var written = await write();
        return isLast ? throw Died() : written;
    }

    private RuntimeErrorException Died()
    {
        IsDown = true;
        _died.TrySetResult();
        return Lost();
    }

    private void ThrowIfLost(RunEventData? written)
    {
        if (IsLostAfter(written))
            throw Lost();
    }

    private void ThrowIfDown()
    {
        if (IsDown)
            throw Lost();
    }

    private RuntimeErrorException Lost()
    {
        Interlocked.Increment(ref _failures);
        return new(new RuntimeError(ReasonCodes.StorageFailed, "scripted"));
    }
}
