namespace AgentRuntime.Abstractions;

/// <summary>Starts, shows and stops runs: what the edge offers to tenants. Thread-safe.</summary>
public interface IRunService
{
    /// <summary>Accepts a run: it is in the journal when the task completes.</summary>
    /// <exception cref="RuntimeErrorException">AR1006, AR2001, AR2006, AR6004, AR7005, AR7006.</exception>
    ValueTask<RunRecord> StartAsync(StartRun request, CancellationToken cancellationToken);

    /// <summary>The run; null when the tenant has none of that id.</summary>
    ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken);

    /// <summary>The tenant's runs, newest first.</summary>
    ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// The run's events after a sequence number: those in the journal, then new ones as they happen, until the run
    /// has ended. Empty when the tenant has no such run.
    /// </summary>
    IAsyncEnumerable<RunEvent> WatchAsync(
        TenantId tenant, RunId run, long afterSequence, CancellationToken cancellationToken);

    /// <summary>Asks a run to stop; false when the tenant has no such run. One that has ended stays as it is.</summary>
    ValueTask<bool> CancelAsync(TenantId tenant, RunId run, CancellationToken cancellationToken);
}

/// <summary>A run to start. Immutable.</summary>
/// <param name="Caller">Who asks; has no agent yet.</param>
/// <param name="Project">The agent's project.</param>
/// <param name="Agent">The agent's name within the project.</param>
/// <param name="Input">What the agent is given.</param>
public sealed record StartRun(WorkIdentity Caller, string Project, string Agent, string Input);
