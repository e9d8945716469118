using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Decides whether a run that was left can go on, and under what is left of its budget and deadline; ends it when it
/// cannot. Thread-safe.
/// </summary>
internal sealed class RunResumption(
    IPolicyDecisionPoint policies,
    IRunJournal journal,
    IQuotaLedger ledger,
    TimeProvider time,
    RunServiceOptions options)
{
    /// <summary>The run to go on with, counted as under way; null when it could not and has been ended.</summary>
    /// <param name="record">The run as the journal has it.</param>
    /// <param name="left">
    /// As it was left: an <see cref="ActiveRun"/> by a worker of this process, which did not go down with it.
    /// </param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RuntimeErrorException">AR8002: the journal cannot be read, or not be written.</exception>
    public async Task<ActiveRun?> ResumeAsync(RunRecord record, OpenRun left, CancellationToken cancellationToken)
    {
        var history = await RunHistory.ReadAsync(journal, left.Id, cancellationToken).ConfigureAwait(false);
        var timesLeft = 0;
        if (left is ActiveRun worked)
        {
            timesLeft = worked.TimesLeft + 1;

            // Its worker may not have come so far as to say that it has the run.
            if (history.Workers > worked.History.Workers)
                await history.SuspendAsync(cancellationToken).ConfigureAwait(false);
        }

        // Another bundle may be in force by now; the run goes on under the one that it was accepted under.
        var policy = await policies.FindAsync(record.Identity.Tenant, record.Bundle, cancellationToken)
            .ConfigureAwait(false);
        var (run, problem) = TryOpen(record, policy, history, timesLeft);
        if (run is not null)
            return run;
        var used = new RunMeter(history.Usage, history.Cost);
        await journal.TransitionAsync(
            record with
            {
                Status = RunStatus.Failed,
                EndedAt = time.GetUtcNow(),
                Error = problem,
                Usage = used.Usage,
                Cost = used.Cost,
            },
            history.LastSequence,
            new RunFailed(ErrorResource.From(problem!), used.Totals()),
            cancellationToken).ConfigureAwait(false);
        return null;
    }

    private (ActiveRun? Run, RuntimeError? Problem) TryOpen(
        RunRecord record, IPolicySnapshot? policy, RunHistory history, int timesLeft)
    {
        if (policy is null)
            return (null, RunErrors.Interrupted("its policy bundle is not kept any more"));
        if (policy.FindAgent(record.Identity.AgentName ?? "") is not { } agent)
            return (null, RunErrors.NotInBundle(record.Identity.AgentName ?? ""));
        if (history.LostInARow >= options.MaxAttempts)
            return (null, RunErrors.Interrupted(
                $"it went down {history.LostInARow} times in a row while it worked on the run, which came no further"));
        if (history.Lost >= options.MaxLost)
            return (null, RunErrors.Interrupted($"it went down {history.Lost} times while it worked on the run"));

        // A clock that was ahead when the run was started gives it no more time than it had.
        var used = history.StartedAt is { } started ? time.GetUtcNow() - started : TimeSpan.Zero;
        var left = agent.Budget.Deadline - (used > TimeSpan.Zero ? used : TimeSpan.Zero);
        if (left <= TimeSpan.Zero)
            return (null, RunErrors.Deadline(agent.Budget.Deadline));

        // A ledger that forgot the run with its process opens a budget now, and what the run has used comes off that.
        var budget = agent.Budget with
        {
            MaxTokens = new(Math.Max(
                0, agent.Budget.MaxTokens.Value - history.Usage.Prompt.Value - history.Usage.Output.Value)),
            MaxCost = new(Math.Max(0, agent.Budget.MaxCost.Value - history.Cost.Value)),
        };
        if (ledger.TryReopenRun(record.Identity, budget) is { } refused)
            return (null, refused);
        return (new ActiveRun(record, policy, agent, history) { TimeLeft = left, TimesLeft = timesLeft }, null);
    }
}
