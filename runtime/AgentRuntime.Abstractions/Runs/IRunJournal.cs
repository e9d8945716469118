namespace AgentRuntime.Abstractions;

/// <summary>
/// The durable record of runs. Thread-safe; every write is durable when its task completes. One that fails may have
/// been made all the same, where the store was lost before it answered: whoever goes on reads the run anew.
/// </summary>
public interface IRunJournal
{
    /// <summary>Writes a new run as queued.</summary>
    ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken);

    /// <summary>
    /// Appends events in one transaction and numbers them. The run's only writer is the worker that has it: it says
    /// what it knows to be the run's last event (0 for none), and when that is not so any more nothing is appended.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8002: another writer has gone on with the run.</exception>
    ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken);

    /// <summary>
    /// Updates the run's status, outcome and totals, and appends the event that says so after the last one that the
    /// writer knows of, in one transaction.
    /// </summary>
    /// <exception cref="RuntimeErrorException">
    /// AR8002: another writer has gone on with the run, or it has ended: how it ended is never changed.
    /// </exception>
    ValueTask<RunEvent> TransitionAsync(
        RunRecord run, long lastSequence, RunEventData cause, CancellationToken cancellationToken);

    /// <summary>The run; null when the tenant has none of that id.</summary>
    ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken);

    /// <summary>
    /// The tenant's runs, newest first, before <paramref name="before"/> when given: at most
    /// <paramref name="limit"/>, and fewer where they are large. Only an empty page says that there are no more.
    /// </summary>
    ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Events of a run after a sequence number, oldest first: at most <paramref name="limit"/>, and fewer where they
    /// are large. Only an empty page says that there are no more.
    /// </summary>
    ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
        RunId run, long afterSequence, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Whose runs are queued or running, of all tenants, oldest first: what a restarted platform must take care of.
    /// Says no more than that, so that it takes no longer where the runs have done much.
    /// </summary>
    ValueTask<IReadOnlyList<WorkIdentity>> ListUnfinishedAsync(CancellationToken cancellationToken);
}
