using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>What the handlers of one run's host calls share. Owned by the run's worker.</summary>
/// <param name="Identity">Whose run it is.</param>
/// <param name="Policy">The bundle that decides.</param>
/// <param name="Agent">What the bundle says of the agent.</param>
/// <param name="Decisions">The run's decisions and their history.</param>
/// <param name="Journal">The run's events.</param>
/// <param name="Meter">What the run has used.</param>
/// <param name="History">What an earlier worker has already done.</param>
/// <param name="Approvals">Where people decide about the run's calls.</param>
/// <param name="Records">Where decisions are recorded.</param>
internal sealed record RunContext(
    WorkIdentity Identity,
    IPolicySnapshot Policy,
    AgentPolicy Agent,
    IRunPolicy Decisions,
    RunJournalWriter Journal,
    RunMeter Meter,
    RunHistory History,
    ApprovalDesk Approvals,
    DecisionRecords Records)
{
    public RunId Run { get; } = Identity.Run ?? throw new ArgumentException(
        "the identity names no run", nameof(Identity));

    /// <summary>When the run last asked a model, as a timestamp; null when this worker has not seen it ask.</summary>
    public long? LastAsked { get; set; }

    /// <summary>The pinned tools that policy lets the agent see, by name.</summary>
    public IReadOnlyDictionary<string, ToolDescriptor> VisibleTools { get; } = Visible(Policy, Decisions);

    private static Dictionary<string, ToolDescriptor> Visible(IPolicySnapshot policy, IRunPolicy decisions)
    {
        var pinned = policy.Tenant.Tools;
        var visible = decisions.VisibleTools([.. pinned.Select(t => t.Name)]).ToHashSet(StringComparer.Ordinal);
        return pinned.Where(t => visible.Contains(t.Name)).ToDictionary(t => t.Name, StringComparer.Ordinal);
    }
}
