using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// A run that this process has accepted and not ended: what it may do, how far it has come, and who has claimed it.
/// Thread-safe.
/// </summary>
/// <param name="record">The run as it was accepted.</param>
/// <param name="policy">The bundle that decides for it.</param>
/// <param name="agent">What the bundle says of the agent.</param>
/// <param name="history">What an earlier worker has already done; null for nothing.</param>
internal sealed class ActiveRun(
    RunRecord record, IPolicySnapshot policy, AgentPolicy agent, RunHistory? history = null) : OpenRun(record.Identity)
{
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

    /// <summary>How much of its deadline the run has left.</summary>
    public TimeSpan TimeLeft { get; init; } = agent.Budget.Deadline;

    /// <summary>How many workers of this process had to leave the run because the store failed.</summary>
    public int TimesLeft { get; init; }

    /// <summary>
    /// The sequence number of the run's last event; 0 when it has none. For whoever has claimed the run.
    /// </summary>
    public long LastSequence { get; set; } = history?.LastSequence ?? 0;

    /// <summary>About how much text the run's events hold. For whoever has claimed the run.</summary>
    public long EventChars { get; set; } = history?.EventChars ?? 0;

    /// <summary>
    /// True once: for the worker that executes the run, or for the caller that cancels it before one did.
    /// </summary>
    public bool TryClaim() => Interlocked.Exchange(ref _claimed, 1) == 0;
}
