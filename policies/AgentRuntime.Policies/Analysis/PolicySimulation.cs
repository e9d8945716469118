using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>Decides recorded calls again under another bundle, each run with its own history. Stateless.</summary>
public static class PolicySimulation
{
    /// <summary>Differences that are listed; further ones are only counted.</summary>
    public const int MaxListed = 1_000;

    /// <summary>
    /// Decides again. A run's calls are taken in the order given. A call that the new bundle lets through counts in the
    /// run's history as it ended then, or as having succeeded if it was never made.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR2007: the first thing that is wrong with the bundle.</exception>
    public static SimulationReport Run(
        IReadOnlyDictionary<string, string> files,
        IEnumerable<RecordedDecision> recorded,
        PolicyOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        var bundle = BundleInspection.Compile(files, options, cancellationToken);
        var snapshot = new BundleSnapshot(bundle, options ?? new());
        var threats = new ThreatMonitor();
        var runs = new Dictionary<(string, string), RunPolicy>();
        var counts = new Dictionary<(Verdict, Verdict), int>();
        var differences = new List<SimulatedDecision>();
        var decided = 0;
        foreach (var record in recorded)
        {
            cancellationToken.ThrowIfCancellationRequested();
            decided++;
            var decision = Decide(RunOf(record, snapshot, threats, runs), record);
            var change = (record.Verdict, decision.Verdict);
            counts[change] = counts.GetValueOrDefault(change) + 1;
            if (record.Verdict != decision.Verdict && differences.Count < MaxListed)
                differences.Add(new(record, decision));
        }

        return new(bundle.Digest, decided, counts, differences);
    }

    private static RunPolicy RunOf(
        RecordedDecision record,
        BundleSnapshot snapshot,
        ThreatMonitor threats,
        Dictionary<(string, string), RunPolicy> runs)
    {
        var principal = record.Principal ?? "key:test";
        if (record.Run is null)
            return OfflineRun.Open(snapshot, record.Caller, threats, principal);
        var key = (record.Caller, record.Run);
        if (!runs.TryGetValue(key, out var run))
            runs.Add(key, run = OfflineRun.Open(snapshot, record.Caller, threats, principal));
        return run;
    }

    private static Decision Decide(RunPolicy run, RecordedDecision record)
    {
        // A copy: the same call may have been recorded twice, and each is one call of its own.
        var call = record.Call with { };
        if (record.WasApproved)
            run.Approve(call, call.At);
        var decision = run.Decide(call);
        var wasMade = record.Verdict == Verdict.Allow && record.Outcome is not null;
        if (decision.Verdict == Verdict.RequireApproval && wasMade)
        {
            // It was made then, so a person would have had to agree: the run goes on as if one had.
            run.Approve(call, call.At);
            if (run.Decide(call).Verdict == Verdict.Allow)
                run.Settle(call, record.Outcome!.Value);
        }
        else if (decision.Verdict == Verdict.Allow)
        {
            // A call that waited for a person then was asked again once one had agreed: that is a record of its own.
            run.Settle(
                call,
                record.Outcome
                    ?? (record.Verdict == Verdict.RequireApproval ? CallOutcome.NotSent : CallOutcome.Succeeded));
        }

        return decision;
    }
}

/// <summary>What deciding again came to. Immutable.</summary>
/// <param name="Bundle">The bundle that decided this time.</param>
/// <param name="Decided">Decisions made again.</param>
/// <param name="Counts">How many went from which verdict to which.</param>
/// <param name="Differences">Those that changed, at most <see cref="PolicySimulation.MaxListed"/>.</param>
public sealed record SimulationReport(
    BundleDigest Bundle,
    int Decided,
    IReadOnlyDictionary<(Verdict Before, Verdict After), int> Counts,
    IReadOnlyList<SimulatedDecision> Differences)
{
    /// <summary>Decisions that changed, those that are not listed too.</summary>
    public int Changed => Counts.Where(c => c.Key.Before != c.Key.After).Sum(c => c.Value);
}

/// <summary>A recorded decision and the one that another bundle makes. Immutable.</summary>
public sealed record SimulatedDecision(RecordedDecision Recorded, Decision Decision);
