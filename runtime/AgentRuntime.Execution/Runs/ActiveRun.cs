using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// A run that this process has accepted and not ended: its cancellation, who has claimed it, and the wake-up of its
/// watchers. Thread-safe.
/// </summary>
/// <param name="record">The run as it was accepted.</param>
/// <param name="policy">The bundle that decides for it.</param>
/// <param name="agent">What the bundle says of the agent.</param>
/// <param name="history">What an earlier worker has already done; null for nothing.</param>
internal sealed class ActiveRun(
    RunRecord record, IPolicySnapshot policy, AgentPolicy agent, RunHistory? history = null) : IDisposable
{
    private readonly CancellationTokenSource _cancel = new();
    private TaskCompletionSource _changed = NewSignal();
    private int _claimed;

    /// <summary>The run as it was accepted.</summary>
    public RunRecord Record { get; } = record;

    /// <summary>The bundle that decides for the run, as it was when the run was accepted.</summary>
    public IPolicySnapshot Policy { get; } = policy;

    /// <summary>What the bundle says of the agent.</summary>
    public AgentPolicy Agent { get; } = agent;

    /// <summary>What an earlier worker has already done.</summary>
    public RunHistory History { get; } = history ?? RunHistory.None;

    /// <summary>
    /// What the run has used, what earlier workers recorded included. For whoever has claimed the run.
    /// </summary>
    public RunMeter Meter { get; } = history is null ? new() : new(history.Usage, history.Cost);

    /// <summary>Where people decide about the run's calls.</summary>
    public ApprovalDesk Approvals { get; } = new();

    /// <summary>How much of its deadline the run has left.</summary>
    public TimeSpan TimeLeft { get; init; } = agent.Budget.Deadline;

    /// <summary>
    /// The sequence number of the run's last event; 0 when it has none. For whoever has claimed the run.
    /// </summary>
    public long LastSequence { get; set; } = history?.LastSequence ?? 0;

    /// <summary>About how much text the run's events hold. For whoever has claimed the run.</summary>
    public long EventChars { get; set; } = history?.EventChars ?? 0;

    public RunId Id { get; } = record.Identity.Run
        ?? throw new ArgumentException("a run's identity names the run", nameof(record));

    /// <summary>Fires when somebody cancels the run.</summary>
    public CancellationToken Cancelled => _cancel.Token;

    /// <summary>
    /// Completes at the next change. Take it before reading the journal: a change in between is then not missed.
    /// </summary>
    public Task Changed => Volatile.Read(ref _changed).Task;

    /// <summary>
    /// True once: for the worker that executes the run, or for the caller that cancels it before one did.
    /// </summary>
    public bool TryClaim() => Interlocked.Exchange(ref _claimed, 1) == 0;

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
