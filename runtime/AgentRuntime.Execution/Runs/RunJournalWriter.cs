using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Writes one run's events in order and wakes its watchers. Log lines are kept until the next event, so that a chatty
/// guest costs no transaction a line; the sandbox bounds their bytes. Single-writer, except for
/// <see cref="ISandboxLog.Write"/>, which the guest's thread calls.
/// </summary>
internal sealed class RunJournalWriter(ActiveRun run, IRunJournal journal) : ISandboxLog
{
    private volatile bool _replaying;
    private readonly Lock _lock = new();
    private List<RunEventData> _pending = [];

    /// <summary>While true, log lines are dropped: an earlier worker has already written them.</summary>
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
        var appended = await journal.AppendAsync(run.Id, run.LastSequence, all, cancellationToken)
            .ConfigureAwait(false);
        run.LastSequence = appended[^1].Sequence;
        run.EventChars += all.Sum(EventText.Length);
        run.SignalChange();
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
    /// Says that the run is left in good order, as well as it goes: without it the worker counts as one that the run
    /// brought down. The kept log lines are written by whoever goes on, from the last call on.
    /// </summary>
    public async ValueTask SuspendAsync()
    {
        try
        {
            await journal.AppendAsync(run.Id, run.LastSequence, [new RunSuspended()], CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (RuntimeErrorException)
        {
            // The store is away, or had written more than it said: the run is found as after a crash.
        }
    }

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
