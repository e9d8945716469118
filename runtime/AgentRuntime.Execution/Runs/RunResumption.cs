using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Decides whether a run that an earlier process left can go on, and under what is left of its budget and deadline.
/// Used once, before anything is accepted.
/// </summary>
internal sealed class RunResumption(
    IPolicyDecisionPoint policies, IRunJournal journal, IQuotaLedger ledger, TimeProvider time, int maxAttempts)
{
    /// <summary>The run to go on with, counted as under way; or why it cannot.</summary>
    public async Task<Resumption> TryResumeAsync(RunRecord record, CancellationToken cancellationToken)
    {
        var id = record.Identity.Run.GetValueOrDefault();
        var history = await RunHistory.ReadAsync(journal, id, cancellationToken).ConfigureAwait(false);

        // Another bundle may be in force by now; the run goes on under the one that it was accepted under.
        var policy = await policies.FindAsync(record.Identity.Tenant, record.Bundle, cancellationToken)
            .ConfigureAwait(false);
        var (run, problem) = TryOpen(record, policy, history);
        return new Resumption(run, problem, history);
    }

    private (ActiveRun? Run, RuntimeError? Problem) TryOpen(
        RunRecord record, IPolicySnapshot? policy, RunHistory history)
    {
        if (policy is null)
            return (null, RunErrors.Interrupted("its policy bundle is not kept any more"));
        if (policy.FindAgent(record.Identity.AgentName ?? "") is not { } agent)
            return (null, RunErrors.NotInBundle(record.Identity.AgentName ?? ""));
        if (history.Attempts >= maxAttempts)
            return (null, RunErrors.Interrupted($"it was started {history.Attempts} times without coming to an end"));
        var left = history.StartedAt is { } started
            ? agent.Budget.Deadline - (time.GetUtcNow() - started)
            : agent.Budget.Deadline;
        if (left <= TimeSpan.Zero)
            return (null, RunErrors.Deadline(agent.Budget.Deadline));

        // The ledger forgot the run with the process: what it has used comes off the budget that is opened now.
        var budget = agent.Budget with
        {
            MaxTokens = new(Math.Max(
                0, agent.Budget.MaxTokens.Value - history.Usage.Prompt.Value - history.Usage.Output.Value)),
            MaxCost = new(Math.Max(0, agent.Budget.MaxCost.Value - history.Cost.Value)),
        };
        if (ledger.TryReopenRun(record.Identity, budget) is { } refused)
            return (null, refused);
        return (new ActiveRun(record, policy, agent, history) { TimeLeft = left }, null);
    }
}

/// <summary>What became of a run that was left: <c>Run</c> or <c>Problem</c> is set. Immutable.</summary>
internal sealed record Resumption(ActiveRun? Run, RuntimeError? Problem, RunHistory History);
