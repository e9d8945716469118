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

    private string Caller =>
        identity.AgentName is { } name ? $"the agent '{name}'" : $"clients of the project '{identity.ProjectName}'";

    public IReadOnlyList<string> VisibleTools(IReadOnlyList<string> offered)
    {
        if (agent is null)
            return [];
        var visible = snapshot.VisibleTo(agent);
        return offered.Where(visible.Contains).ToList();
    }

    public Decision Decide(PolicyCall call)
    {
        ArgumentNullException.ThrowIfNull(call);
        if (identity.AgentName is { } name && agent is null)
            return Deny(Denials.AgentNotInBundle(name, _bundle.Agents.Keys));
        return call.Action switch
        {
            PolicyAction.CallTool => DecideTool(call),
            PolicyAction.UseModel => DecideModel(call),
            _ => Deny(new(ReasonCodes.DefaultDeny, "no rule allows an action of that kind")),
        };
    }

    public void Settle(PolicyCall call, CallOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(call);
        lock (_lock)
            _history.End(call, outcome);
    }

    public void Approve(PolicyCall call, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(call);
        if (call.Action != PolicyAction.CallTool
            || !_bundle.Tools.TryGetValue(call.Resource, out var tool)
            || ArgumentReader.Read(tool.Pin.Arguments, call.Arguments, out _) is not { } input)
            return;
        lock (_lock)
            _history.Approvals.Record(tool.Pin.Name, input, call.Arguments, at);
    }

    private Decision DecideTool(PolicyCall call)
    {
        if (!_bundle.Tools.TryGetValue(call.Resource, out var tool))
            return Deny(Denials.UnknownTool(call.Resource, _bundle.Tools.Keys));
        if (agent is null)
            return Deny(new(ReasonCodes.DefaultDeny, $"{Caller} may not call tools themselves"));
        if (ArgumentReader.Read(tool.Pin.Arguments, call.Arguments, out var problem) is not { } input)
            return Deny(Denials.InvalidArguments(call.Resource, problem!));

        var seen = new HistoryCall(tool.Pin.Name, input, call.At);
        lock (_lock)
        {
            if (_history.IsFull)
                return Deny(Denials.TooManyInFlight());
            var context = CedarRecord.Create(
                ("user", identity.Principal),
                ("now", CedarValue.Datetime(call.At)),
                ("history", _history.Figures.ToRecord(_history.Figures.Of(seen.Tool).Calls, _history.Holding(seen), IsApproved(seen, call))),
                ("input", input));
            var response = Authorize(tool.Action, tool.Server, context);
            if (IsUndecided(response))
                return Deny(Denials.NotGranted(agent, seen, _history), response);
            var decision = Conclude(response, $"calling '{call.Resource}'");
            Approvals.Approval? approval = null;
            if (decision.Verdict == Verdict.RequireApproval && (approval = FindApproval(response, seen, call)) is not null)
                decision = decision with { Verdict = Verdict.Allow, Reason = null };
            if (decision.Verdict == Verdict.Allow)
                _history.Begin(call, tool, seen, approval);
            return decision;
        }
    }

    private Decision DecideModel(PolicyCall call)
    {
        if (!_bundle.Models.TryGetValue(call.Resource, out var model))
            return Deny(Denials.ModelNotGranted(Caller, call.Resource));
        lock (_lock)
        {
            var figures = _history.Figures;
            var context = CedarRecord.Create(
                ("user", identity.Principal),
                ("now", CedarValue.Datetime(call.At)),
                ("history", figures.ToRecord(figures.ModelCalls, CedarSet.Empty, approved: false)));
            var response = Authorize(EntityNames.UseModel, model, context);
            if (IsUndecided(response))
                return Deny(Denials.ModelNotGranted(Caller, call.Resource), response);
            var decision = Conclude(response, $"asking the model '{call.Resource}'");
            if (decision.Verdict == Verdict.Allow)
                figures.ModelCalls++;
            return decision;
        }
    }

    private bool IsApproved(in HistoryCall seen, PolicyCall call) =>
        _history.Approvals.Any && _history.Approvals.Find(ApprovalScope.Default, seen, call.Arguments) is not null;

    private Approvals.Approval? FindApproval(CedarResponse response, in HistoryCall seen, PolicyCall call)
    {
        if (!_history.Approvals.Any)
            return null;
        foreach (var permit in response.Reasons)
        {
            var scope = snapshot.ScopeOf(permit.Id);
            if (_history.Approvals.Find(scope, seen, call.Arguments) is { } approval)
                return approval;
        }

        return null;
    }

    private CedarResponse Authorize(EntityUid action, EntityUid resource, CedarRecord context) =>
        CedarAuthorizer.Authorize(_bundle.Policies, entities, new(principal, action, resource, context));

    private static bool IsUndecided(CedarResponse response) =>
        !response.IsAllowed && response.Reasons.Count == 0 && !response.HasForbidError;

    private Decision Conclude(CedarResponse response, string what)
    {
        if (!response.IsAllowed && response.Reasons.Count > 0)
            return Deny(Denials.Forbidden(Caller, what, response.Reasons[0]), response);
        if (response.HasForbidError)
            return Deny(Denials.RuleError(Caller, what, response.Errors.First(e => e.IsInForbid)), response);

        // One permit that asks for nothing is enough: approval is for what only permits with approval let through.
        return response.Reasons.All(p => p.Annotations.ContainsKey("approval"))
            ? Complete(new(Verdict.RequireApproval, Denials.ApprovalRequired(Caller, what, response.Reasons[0]), Bundle), response)
            : Complete(new(Verdict.Allow, null, Bundle), response);
    }

    private Decision Deny(RuntimeError reason) => new(Verdict.Deny, reason, Bundle);

    private Decision Deny(RuntimeError reason, CedarResponse response) =>
        Complete(new(Verdict.Deny, reason, Bundle), response);

    private static Decision Complete(Decision decision, CedarResponse response) =>
        decision with
        {
            DeterminingPolicies = response.Reasons.Select(p => p.Id).ToList(),
            Errors = response.Errors.Select(e => e.ToString()).ToList(),
        };
}
