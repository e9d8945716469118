using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Writes one run's events in order and wakes its watchers. Log lines are kept until the next event, so that a chatty
/// guest costs no transaction a line; the sandbox bounds their bytes. Single-writer, except for
/// <see cref="ISandboxLog.Write"/>, which the guest's thread calls.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="journal">Where it is recorded.</param>
/// <param name="engine">What the sandbox engine is called that runs it.</param>
internal sealed class RunJournalWriter(ActiveRun run, IRunJournal journal, string engine) : ISandboxLog
{
    private volatile bool _replaying;
    private TaskCompletionSource _atRest = NewSignal();
    private bool _suspended;
    private readonly Lock _lock = new();
    private List<RunEventData> _pending = [];
    private int _linesWritten = run.History.LinesAfterLastCall;

    /// <summary>
    /// While true, log lines are dropped: an earlier worker has already written them. So it has those after its last
    /// call that are there.
    /// </summary>
    public bool Replaying
    {
        get => _replaying;
        set => _replaying = value;
    }

    void ISandboxLog.Write(GuestLogLevel level, string message)
    {
        if (_replaying)
            return;
        var line = new GuestLogged(
            level switch
            {
                GuestLogLevel.Debug => "debug",
                GuestLogLevel.Warning => "warning",
                GuestLogLevel.Error => "error",
                _ => "info",
            },
            message);
        lock (_lock)
            if (_linesWritten > 0)
                _linesWritten--;
            else
                _pending.Add(line);
    }

    /// <summary>
    /// Appends the kept log lines and these events in one transaction; durable when the task completes.
    /// </summary>
    public async ValueTask AppendAsync(IReadOnlyList<RunEventData> events, CancellationToken cancellationToken)
    {
        var all = TakePending();
        all.AddRange(events);
        if (all.Count == 0)
            return;
        if (_suspended)
            all.Insert(0, Resumed());
        await WriteAsync(all, cancellationToken).ConfigureAwait(false);
        _suspended = false;
    }

    /// <inheritdoc cref="AppendAsync(IReadOnlyList{RunEventData}, CancellationToken)"/>
    public ValueTask AppendAsync(RunEventData happened, CancellationToken cancellationToken) =>
        AppendAsync([happened], cancellationToken);

    /// <summary>Appends the kept log lines, then changes the run's state.</summary>
    public async ValueTask TransitionAsync(RunRecord record, RunEventData cause, CancellationToken cancellationToken)
    {
        await AppendAsync([], cancellationToken).ConfigureAwait(false);
        var last = await journal.TransitionAsync(record, run.LastSequence, cause, cancellationToken)
            .ConfigureAwait(false);
        run.LastSequence = last.Sequence;
        run.SignalChange();
    }

    /// <summary>
    /// Says that the run is left in good order, or does nothing but wait, as well as it goes: without it the worker
    /// counts as one that the run brought down. The kept log lines are written by whoever goes on, from the last call
    /// on.
    /// </summary>
    public async ValueTask SuspendAsync()
    {
        if (_suspended)
            return;
        try
        {
            await WriteAsync([new RunSuspended()], CancellationToken.None).ConfigureAwait(false);
            _suspended = true;
        }
        catch (RuntimeErrorException)
        {
            // The store is away, or had written more than it said: the run is found as after a crash.
        }
    }

    /// <summary>
    /// Waits with a handler that does nothing for the run meanwhile, and says so in the journal once the guest is at
    /// rest too: a platform that goes down from then on until the run's next event did not do so because of this run.
    /// </summary>
    public async Task RestAsync(Task wait)
    {
        if (await Task.WhenAny(wait, Volatile.Read(ref _atRest).Task).ConfigureAwait(false) != wait)
            await SuspendAsync().ConfigureAwait(false);
    }

    /// <summary>Nothing is done for the run's guest from now on, until it is woken.</summary>
    public void GuestRests() => _atRest.TrySetResult();

    /// <summary>
    /// Something is done for the guest again, which the journal is told where it was told that the run waits. After the
    /// handler has given its answer. The kept log lines stay.
    /// </summary>
    public async ValueTask WakeAsync(CancellationToken cancellationToken)
    {
        Volatile.Write(ref _atRest, NewSignal());
        if (!_suspended)
            return;
        await WriteAsync([Resumed()], cancellationToken).ConfigureAwait(false);
        _suspended = false;
    }

    private async ValueTask WriteAsync(IReadOnlyList<RunEventData> events, CancellationToken cancellationToken)
    {
        var appended = await journal.AppendAsync(run.Id, run.LastSequence, events, cancellationToken)
            .ConfigureAwait(false);
        run.LastSequence = appended[^1].Sequence;
        run.EventChars += events.Sum(EventText.Length);
        run.SignalChange();
    }

    /// <summary>This worker has the run still, and replays nothing.</summary>
    private RunResumed Resumed() => new(run.History.Workers + 1, 0, engine);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private List<RunEventData> TakePending()
    {
        lock (_lock)
        {
            var taken = _pending;
            _pending = [];
            return taken;
        }
    }
}
