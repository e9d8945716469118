namespace AgentRuntime.Abstractions;

/// <summary>The durable record of runs. Thread-safe; every write is durable when its task completes.</summary>
public interface IRunJournal
{
    /// <summary>Writes a new run as queued.</summary>
    ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken);

    /// <summary>
    /// Appends events in one transaction and numbers them. The run's only writer is the worker that has it.
    /// </summary>
    ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken);

    /// <summary>
    /// Updates the run's status, outcome and totals, and appends the event that says so, in one transaction.
    /// </summary>
    ValueTask<RunEvent> TransitionAsync(RunRecord run, RunEventData cause, CancellationToken cancellationToken);

    /// <summary>The run; null when the tenant has none of that id.</summary>
    ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken);

    /// <summary>The tenant's runs, newest first, before <paramref name="before"/> when given.</summary>
    ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken);

    /// <summary>Events of a run after a sequence number, oldest first, at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
        RunId run, long afterSequence, int limit, CancellationToken cancellationToken);

    /// <summary>Runs of all tenants that are queued or running: what a restarted platform must take care of.</summary>
    ValueTask<IReadOnlyList<RunRecord>> ListUnfinishedAsync(CancellationToken cancellationToken);
}
