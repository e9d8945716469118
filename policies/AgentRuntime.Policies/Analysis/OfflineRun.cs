using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Opens runs for analysis: the same code as on the platform, under an identity that no tenant has. Stateless.
/// </summary>
internal static class OfflineRun
{
    private static readonly Guid Nobody = new("01900000-0000-7000-8000-000000000001");

    /// <summary>
    /// A run of an agent (<c>project/agent</c>), or the requests of a project's clients (<c>project</c>).
    /// </summary>
    /// <param name="snapshot">The bundle.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="threats">What is held against agents; null for a run without others.</param>
    /// <param name="principal">The user for whom they ask.</param>
    public static RunPolicy Open(
        BundleSnapshot snapshot, string caller, ThreatMonitor? threats = null, string principal = "key:test")
    {
        var slash = caller.IndexOf('/', StringComparison.Ordinal);
        var project = slash < 0 ? caller : caller[..slash];
        var identity = new WorkIdentity(new(Nobody), "test", new(Nobody), project, principal);
        return snapshot.OpenRun(slash < 0
            ? identity
            : identity with { Agent = new(Nobody), AgentName = caller, Run = new(Nobody) }, threats ?? new());
    }

    /// <summary>
    /// Lets a run do what it did before; the first decision that is not what the history says, or null.
    /// </summary>
    public static (Decision Decision, int Index)? Replay(
        RunPolicy run, IReadOnlyList<PolicyEvent> history, CancellationToken cancellationToken)
    {
        for (var i = 0; i < history.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var call = history[i].ToCall();
            var decision = run.Decide(call);
            if (history[i].IsApproval)
            {
                // Only a call that needs a person comes before one.
                if (decision.Verdict != Verdict.RequireApproval)
                    return (decision, i);
                run.Approve(call, call.At);
                continue;
            }

            if (history[i].IsDenial && decision.Verdict == Verdict.Deny)
                continue;
            if (history[i].IsDenial || decision.Verdict != Verdict.Allow)
                return (decision, i);
            if (history[i].Outcome is { } outcome)
                run.Settle(call, outcome);
        }

        return null;
    }

    /// <summary>What of a history could not have happened.</summary>
    public static string Impossible(int index, Decision decision) =>
        $"event {index + 1} of the history is not possible: "
            + (decision.Reason?.ToString() ?? "the call is allowed, so it was neither denied nor put before a person");
}
