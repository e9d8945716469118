using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// A run that has not ended, as whoever cancels it, decides about its calls or waits for its events needs it: also
/// before it is known how far it has come. Thread-safe.
/// </summary>
/// <param name="identity">Whose run it is; names the run.</param>
internal class OpenRun(WorkIdentity identity) : IDisposable
{
    private readonly CancellationTokenSource _cancel = new();
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>Whose run it is.</summary>
    public WorkIdentity Identity { get; } = identity;

    public RunId Id { get; } = identity.Run
        ?? throw new ArgumentException("a run's identity names the run", nameof(identity));

    /// <summary>Where people decide about the run's calls.</summary>
    public ApprovalDesk Approvals { get; } = new();

    /// <summary>Fires when somebody cancels the run.</summary>
    public CancellationToken Cancelled => _cancel.Token;

    /// <summary>
    /// Completes at the next change. Take it before reading the journal: a change in between is then not missed.
    /// </summary>
    public Task Changed => Volatile.Read(ref _changed).Task;

    public void Cancel() => _cancel.Cancel();

    public void SignalChange() => Interlocked.Exchange(ref _changed, NewSignal()).TrySetResult();

    /// <summary>
    /// The run is somebody else's from now on, or has ended: whoever waits for a change here looks anew.
    /// </summary>
    public void Retire()
    {
        var over = NewSignal();
        over.SetResult();
        Interlocked.Exchange(ref _changed, over).TrySetResult();
    }

    public void Dispose() => _cancel.Dispose();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
