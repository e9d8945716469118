using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>Decides recorded calls again under another bundle, each run with its own history. Stateless.</summary>
public static class PolicySimulation
{
    /// <summary>Differences that are listed; further ones are only counted.</summary>
    public const int MaxListed = 1_000;

    /// <summary>
    /// Decides again. A run's calls are taken in the order given. A call that the new bundle lets through counts in the
    /// run's history as it ended then, or as having succeeded if it was never made. A decision whose arguments are not
    /// known is not made again; where it is not known either what its call is to the run's history, and the bundle asks
    /// about that, nor are those that follow in the run.
    /// </summary>
    /// <param name="files">The bundle.</param>
    /// <param name="recorded">The decisions.</param>
    /// <param name="options">The operator's options; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels, between two decisions too.</param>
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
        var runs = new Dictionary<(string, string), SimulatedRun>();
        var looksBack = bundle.Policies.Policies.Any(
            p => p.ToString().Contains("history", StringComparison.Ordinal));
        var counts = new Dictionary<(Verdict, Verdict), int>();
        var differences = new List<SimulatedDecision>();
        var decided = 0;
        var skipped = 0;
        foreach (var record in recorded)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var run = RunOf(record, snapshot, threats, runs);
            if (run.IsLost || record.Arguments != RecordedArguments.Whole)
            {
                skipped++;
                run.IsLost |= looksBack && IsLostBy(record, run.Policy, bundle);
                continue;
            }

            decided++;
            var decision = Decide(run.Policy, record);
            var change = (record.Verdict, decision.Verdict);
            counts[change] = counts.GetValueOrDefault(change) + 1;
            if (record.Verdict != decision.Verdict && differences.Count < MaxListed)
                differences.Add(new(record, decision));
        }

        return new(bundle.Digest, decided, counts, differences) { Skipped = skipped };
    }

    private static SimulatedRun RunOf(
        RecordedDecision record,
        BundleSnapshot snapshot,
        ThreatMonitor threats,
        Dictionary<(string, string), SimulatedRun> runs)
    {
        var principal = record.Principal ?? "key:test";
        if (record.Run is null)
            return new(OfflineRun.Open(snapshot, record.Caller, threats, principal));
        var key = (record.Caller, record.Run);
        if (!runs.TryGetValue(key, out var run))
            runs.Add(key, run = new(OfflineRun.Open(snapshot, record.Caller, threats, principal)));
        return run;
    }

    // What stands in for a text is decided about so that its call is in the history. When that comes out otherwise,
    // nobody knows whether the text would have, too.
    private static bool IsLostBy(RecordedDecision record, RunPolicy run, CompiledBundle bundle) =>
        record.Arguments == RecordedArguments.Missing
            ? record.Verdict == Verdict.Allow
            : IsCompared(record, bundle) || Decide(run, record).Verdict != record.Verdict;

    private static bool IsCompared(RecordedDecision record, CompiledBundle bundle) =>
        bundle.Agents.TryGetValue(record.Caller, out var agent)
        && agent.Grants
            .SelectMany(g => g.History)
            .OfType<AfterCondition>()
            .Any(after => after.Before == record.Call.Resource
                && after.Same.Any(name => IsRedacted(record.Call.Arguments, name)));

    private static bool IsRedacted(JsonElement arguments, string name) =>
        arguments.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
        && value.ValueEquals(GrantObligations.Redaction);

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

    private sealed class SimulatedRun(RunPolicy policy)
    {
        public RunPolicy Policy => policy;

        /// <summary>What it did is not known any more as far as its history goes.</summary>
        public bool IsLost { get; set; }
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
    /// <summary>Decisions that were not made again.</summary>
    public int Skipped { get; init; }

    /// <summary>Decisions that changed, those that are not listed too.</summary>
    public int Changed => Counts.Where(c => c.Key.Before != c.Key.After).Sum(c => c.Value);
}

/// <summary>A recorded decision and the one that another bundle makes. Immutable.</summary>
public sealed record SimulatedDecision(RecordedDecision Recorded, Decision Decision);
