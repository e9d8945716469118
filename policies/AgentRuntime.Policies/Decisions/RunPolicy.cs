using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Decides the calls of one run or of one client. Thread-safe: one lock spans the look at the run's history, the
/// decision and the entry of the allowed call.
/// </summary>
internal sealed class RunPolicy(
    BundleSnapshot snapshot,
    WorkIdentity identity,
    EntityUid principal,
    AgentDefinition? agent,
    CedarEntities entities) : IRunPolicy
{
    private readonly CompiledBundle _bundle = snapshot.Bundle;
    private readonly Lock _lock = new();
    private readonly RunHistory _history = new(
        agent is null ? null : snapshot.PlanOf(agent), agent?.Input ?? DataLabels.Default);

    public BundleDigest Bundle => snapshot.Digest;

    /// <summary>The threat rules that watch the run; null for clients, whom no bundle describes.</summary>
    public RunThreats? Threats { get; init; }

    private string Caller =>
        identity.AgentName is { } name ? $"the agent '{name}'" : $"clients of the project '{identity.ProjectName}'";

    public IReadOnlyList<string> VisibleTools(IReadOnlyList<string> offered)
    {
        ArgumentNullException.ThrowIfNull(offered);
        if (agent is null)
            return [];
        var visible = snapshot.VisibleTo(agent);
        return offered.Where(visible.Contains).ToList();
    }

    public Decision Decide(PolicyCall call)
    {
        ArgumentNullException.ThrowIfNull(call);
        var decision = Judge(call);
        return snapshot.Recordable(call) is { } recordable
            ? decision with { RecordedArguments = recordable }
            : decision;
    }

    private Decision Judge(PolicyCall call)
    {
        lock (_lock)
        {
            var threats = call.IsReplay ? null : Threats;
            if (threats is not null && RefusalOf(call, threats) is { } threat)
                return new(Verdict.Deny, threat, Bundle) { EndsRun = threats.EndsRun };
            var decision = JudgeByPolicy(call, threats);
            return decision.Verdict == Verdict.Deny
                && threats?.Count(ThreatSignal.Denials, call.Resource, decision.Reason?.Code, call.At) is { } killed
                ? decision with { Reason = killed, EndsRun = true }
                : decision;
        }
    }

    // The lock must be held. A call that a person approved came at their pace, and waits for no other; whether one did
    // is looked at only where it counts, for that takes a digest of the arguments.
    private RuntimeError? RefusalOf(PolicyCall call, RunThreats threats) =>
        threats.Refusal(call.At) ?? (threats.IsThrottled(call.At) && !IsApproved(call) ? threats.Pace(call.At) : null);

    // The lock must be held.
    private Decision JudgeByPolicy(PolicyCall call, RunThreats? threats)
    {
        if (Prepare(call, out var prepared) is { } refusal)
            return new(Verdict.Deny, refusal, Bundle);
        if (_history.IsFull)
            return new(Verdict.Deny, Denials.TooManyInFlight(), Bundle);
        var own = prepared.Tool is null ? null : ApprovalOf(prepared.Seen, call);
        var response = CedarAuthorizer.Authorize(
            _bundle.Policies, entities, RequestOf(call, prepared, own is not null));
        var (verdict, reason) = Conclude(response, call, prepared, own is not null);

        // Whoever approved this very call meant this one: it spends the approval, whether or not it needed one, and
        // also where it takes another for its permit, for a forbid may have made an exception of the first.
        var approval = verdict == Verdict.Allow ? own : null;
        if (verdict == Verdict.RequireApproval && response.IsAllowed)
        {
            approval = FindApproval(response, prepared.Seen, call, own);
            if (approval is not null)
                (verdict, reason) = (Verdict.Allow, null);
        }

        if (verdict == Verdict.Allow && approval is null && prepared.Tool is not null
            && threats?.AskedFor(call.At) is { } asked)
            (verdict, reason) = (Verdict.RequireApproval, Denials.ThreatApproval(asked));

        var obligations = verdict == Verdict.Allow ? ObligationsOf(response, prepared.Seen, call, approval) : [];
        if (verdict == Verdict.Allow)
            Enter(call, prepared, obligations, own, approval);
        return new(verdict, reason, Bundle)
        {
            Obligations = obligations,
            Arguments = GrantObligations.Rewrite(call.Arguments, obligations),
            DeterminingPolicies = response.Reasons.Select(p => p.Id).ToList(),
            Errors = response.Errors.Select(e => e.ToString()).ToList(),
        };
    }

    public void Settle(PolicyCall call, CallOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(call);
        lock (_lock)
        {
            _history.End(call, outcome);
            if (outcome == CallOutcome.Failed && call is { Action: PolicyAction.CallTool, IsReplay: false })
                Threats?.Count(ThreatSignal.Failures, call.Resource, null, call.At);
        }
    }

    public void Approve(PolicyCall call, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(call);
        if (Prepare(call, out var prepared) is not null || prepared.Tool is null)
            return;
        lock (_lock)
            _history.Approvals.Record(prepared.Seen.Tool, prepared.Seen.Input, call.Arguments, at);
    }

    /// <summary>What Cedar is asked for a call right now; null when it is refused before.</summary>
    internal CedarRequest? RequestOf(PolicyCall call, out CedarEntities store)
    {
        store = entities;
        if (Prepare(call, out var prepared) is not null)
            return null;
        lock (_lock)
            return RequestOf(call, prepared, prepared.Tool is not null && ApprovalOf(prepared.Seen, call) is not null);
    }

    /// <summary>
    /// The first history condition of a grant that does not hold for a call right now; null when all hold.
    /// </summary>
    internal HistoryCondition? UnmetHistory(string grantId, PolicyCall call)
    {
        if (Prepare(call, out var prepared) is not null)
            return null;
        lock (_lock)
            return _history.Unmet(grantId, prepared.Seen);
    }

    private RuntimeError? Prepare(PolicyCall call, out PreparedCall prepared)
    {
        prepared = default;
        if (identity.AgentName is { } name && agent is null)
            return Denials.AgentNotInBundle(name, _bundle.Agents.Keys);
        switch (call.Action)
        {
            case PolicyAction.CallTool:
                return PrepareTool(call, out prepared);
            case PolicyAction.UseModel when _bundle.Models.TryGetValue(call.Resource, out var model):
                prepared = new(EntityNames.UseModel, model, null, new(call.Resource, CedarRecord.Empty, call.At));
                return null;
            case PolicyAction.UseModel:
                return Denials.ModelNotGranted(Caller, call.Resource);
            case PolicyAction.ReadMemory or PolicyAction.WriteMemory:
                return PrepareMemory(call, out prepared);
            default:
                return new(ReasonCodes.DefaultDeny, "no rule allows an action of that kind");
        }
    }

    private RuntimeError? PrepareTool(PolicyCall call, out PreparedCall prepared)
    {
        prepared = default;
        if (!_bundle.Tools.TryGetValue(call.Resource, out var tool))
            return Denials.UnknownTool(call.Resource, _bundle.Tools.Keys);
        if (agent is null)
            return new(ReasonCodes.DefaultDeny, $"{Caller} may not call tools themselves");
        if (ArgumentReader.Read(tool.Pin.Arguments, call.Arguments, out var problem) is not { } input)
            return Denials.InvalidArguments(call.Resource, problem!);
        prepared = new(tool.Action, tool.Server, tool, new(tool.Pin.Name, input, call.At));
        return null;
    }

    private RuntimeError? PrepareMemory(PolicyCall call, out PreparedCall prepared)
    {
        prepared = default;
        if (agent is null)
            return new(ReasonCodes.DefaultDeny, $"{Caller} may not use memory themselves");
        if (!_bundle.Memory.TryGetValue(call.Resource, out var memory))
            return Denials.UnknownMemory(agent, call, _bundle.Memory.Keys);
        if (ArgumentReader.Read(MemoryCalls.ArgumentsOf(call.Action), call.Arguments, out var problem) is not { } input)
            return Denials.InvalidArguments(call.Resource, problem!);
        var counted = call.Action == PolicyAction.ReadMemory ? memory.Reads : memory.Writes;
        prepared = new(
            MemoryCalls.ActionOf(call.Action), memory.Resource, null, new(counted, input, call.At))
        {
            Memory = memory,
        };
        return null;
    }

    // The lock must be held.
    private CedarRequest RequestOf(PolicyCall call, in PreparedCall prepared, bool approved)
    {
        var seen = prepared.Seen;
        var figures = _history.Figures;
        var history = call.Action switch
        {
            PolicyAction.CallTool =>
                figures.ToRecord(figures.Of(seen.Tool).Calls, _history.Holding(seen), approved),
            PolicyAction.UseModel => figures.ToRecord(figures.ModelCalls, CedarSet.Empty, approved: false),
            _ => figures.ToRecord(figures.Of(seen.Tool).Calls, CedarSet.Empty, approved: false),
        };
        var now = CedarValue.Datetime(call.At);
        var context = call.Action == PolicyAction.UseModel
            ? CedarRecord.Create(("user", identity.Principal), ("now", now), ("history", history))
            : CedarRecord.Create(
                ("user", identity.Principal), ("now", now), ("history", history), ("input", seen.Input));
        return new(principal, prepared.Action, prepared.Resource, context);
    }

    // The lock must be held: a refusal tells which history condition does not hold.
    private (Verdict Verdict, RuntimeError? Reason) Conclude(
        CedarResponse response, PolicyCall call, in PreparedCall prepared, bool approved)
    {
        var what = call.Action switch
        {
            PolicyAction.CallTool => $"calling '{call.Resource}'",
            PolicyAction.UseModel => $"asking the model '{call.Resource}'",
            PolicyAction.ReadMemory => $"reading the memory '{call.Resource}'",
            _ => $"writing the memory '{call.Resource}'",
        };
        return Verdicts.Of(response) switch
        {
            Verdicts.Outcome.Forbidden when !approved && IsAllowedOnceApproved(call, prepared) =>
                (Verdict.RequireApproval, Denials.ApprovalRequired(Caller, what, response.Reasons[0])),
            Verdicts.Outcome.Forbidden => (Verdict.Deny, Denials.Forbidden(Caller, what, response.Reasons[0])),
            Verdicts.Outcome.Undecidable =>
                (Verdict.Deny, Denials.RuleError(Caller, what, response.Errors.First(e => e.IsInForbid))),
            Verdicts.Outcome.Allowed => (Verdict.Allow, null),
            Verdicts.Outcome.NeedsApproval =>
                (Verdict.RequireApproval, Denials.ApprovalRequired(Caller, what, response.Reasons[0])),
            _ when call.Action == PolicyAction.CallTool =>
                (Verdict.Deny, Denials.NotGranted(agent!, prepared.Seen, _history)),
            _ when call.Action.IsMemory() =>
                (Verdict.Deny, Denials.MemoryNotGranted(agent!, call, prepared.Seen.Input)),
            _ => (Verdict.Deny, Denials.ModelNotGranted(Caller, call.Resource)),
        };
    }

    private void Enter(
        PolicyCall call,
        in PreparedCall prepared,
        List<Obligation> obligations,
        Approvals.Approval? own,
        Approvals.Approval? approval)
    {
        var seen = obligations.Count == 0
            ? prepared.Seen
            : prepared.Seen with { Input = GrantObligations.Rewrite(prepared.Seen.Input, obligations) };
        _history.Begin(call, prepared.Tool, prepared.Memory, seen, own, approval);
        foreach (var obligation in obligations)
        {
            if (obligation is Obligation.AddLabel { Label: var label })
                _history.Figures.Raise(ConfidentialityNames.ToLabels(label));
        }
    }

    // The lock must be held. A forbid may make an exception of what a person approved, and then one is asked.
    private bool IsAllowedOnceApproved(PolicyCall call, in PreparedCall prepared) =>
        prepared.Tool is not null
        && Verdicts.Of(CedarAuthorizer.Authorize(
            _bundle.Policies, entities, RequestOf(call, prepared, approved: true))).MayBeApproved();

    // A permit that asks for nothing frees the call of what others ask for; else the first that lets it through counts.
    // One with an approval lets through only what the approval that is spent covers for it.
    private List<Obligation> ObligationsOf(
        CedarResponse response, in HistoryCall seen, PolicyCall call, Approvals.Approval? approval)
    {
        GrantObligations? first = null;
        foreach (var permit in response.Reasons)
        {
            if (permit.Annotations.ContainsKey("approval")
                && approval?.Covers(snapshot.ScopeOf(permit.Id), seen, call.Arguments) != true)
                continue;
            if (snapshot.ObligationsOf(permit.Id) is not { } obligations)
                return [];
            first ??= obligations;
        }

        return first?.For(seen.Input) ?? [];
    }

    /// <summary>An unspent approval of this very call; null when there is none.</summary>
    private Approvals.Approval? ApprovalOf(in HistoryCall seen, PolicyCall call) =>
        _history.Approvals.Any ? _history.Approvals.Find(ApprovalScope.Default, seen, call.Arguments) : null;

    private bool IsApproved(PolicyCall call) =>
        _history.Approvals.Any
        && Prepare(call, out var prepared) is null
        && prepared.Tool is not null
        && ApprovalOf(prepared.Seen, call) is not null;

    // That of this very call where it covers a permit, for it is spent anyway; else the one that frees the call of all
    // obligations, if there is one, for else another would be spent beside it.
    private Approvals.Approval? FindApproval(
        CedarResponse response, in HistoryCall seen, PolicyCall call, Approvals.Approval? own)
    {
        if (!_history.Approvals.Any)
            return null;
        foreach (var permit in response.Reasons)
        {
            if (own?.Covers(snapshot.ScopeOf(permit.Id), seen, call.Arguments) == true)
                return own;
        }

        Approvals.Approval? first = null;
        foreach (var permit in response.Reasons)
        {
            if (_history.Approvals.Find(snapshot.ScopeOf(permit.Id), seen, call.Arguments) is not { } approval)
                continue;
            if (snapshot.ObligationsOf(permit.Id) is null)
                return approval;
            first ??= approval;
        }

        return first;
    }

    /// <summary>
    /// A call with its Cedar names; <see cref="Tool"/> is null when a model is asked or memory is used.
    /// </summary>
    private readonly record struct PreparedCall(EntityUid Action, EntityUid Resource, ToolEntry? Tool, HistoryCall Seen)
    {
        /// <summary>The bucket that is used; null when none is.</summary>
        public MemoryEntry? Memory { get; init; }
    }
}
