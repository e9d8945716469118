using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>Decides the calls of one run or of one client. Thread-safe.</summary>
internal sealed class RunPolicy(
    BundleSnapshot snapshot,
    WorkIdentity identity,
    EntityUid principal,
    AgentDefinition? agent,
    CedarEntities entities) : IRunPolicy
{
    private readonly CompiledBundle _bundle = snapshot.Bundle;

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
        // No rule of this version looks at history.
    }

    private Decision DecideTool(PolicyCall call)
    {
        if (!_bundle.Tools.TryGetValue(call.Resource, out var tool))
            return Deny(Denials.UnknownTool(call.Resource, _bundle.Tools.Keys));
        if (agent is null)
            return Deny(new(ReasonCodes.DefaultDeny, $"{Caller} may not call tools themselves"));
        if (ArgumentReader.Read(tool.Pin.Arguments, call.Arguments, out var problem) is not { } input)
            return Deny(Denials.InvalidArguments(call.Resource, problem!));

        var context = CedarRecord.Create(
            ("user", identity.Principal), ("now", CedarValue.Datetime(call.At)), ("input", input));
        var response = CedarAuthorizer.Authorize(
            _bundle.Policies, entities, new(principal, tool.Action, tool.Server, context));
        var what = $"calling '{call.Resource}'";
        return response.IsAllowed || response.Reasons.Count > 0 || response.HasForbidError
            ? Conclude(response, what)
            : Deny(Denials.NotGranted(agent.Name, call.Resource, agent, input), response);
    }

    private Decision DecideModel(PolicyCall call)
    {
        if (!_bundle.Models.TryGetValue(call.Resource, out var model))
            return Deny(Denials.ModelNotGranted(Caller, call.Resource));
        var context = CedarRecord.Create(("user", identity.Principal), ("now", CedarValue.Datetime(call.At)));
        var response = CedarAuthorizer.Authorize(
            _bundle.Policies, entities, new(principal, EntityNames.UseModel, model, context));
        return response.IsAllowed || response.Reasons.Count > 0 || response.HasForbidError
            ? Conclude(response, $"asking the model '{call.Resource}'")
            : Deny(Denials.ModelNotGranted(Caller, call.Resource), response);
    }

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
