using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>Asks policy whether a caller may use a model directly; no policy, no use. Thread-safe.</summary>
internal sealed class ModelPolicy(IPolicyDecisionPoint decisions, TimeProvider time, IAuditLog? audit = null)
{
    private readonly DecisionRecords _records = new(audit, time);

    private static readonly JsonElement NoArguments = JsonDocument.Parse("{}").RootElement.Clone();

    /// <summary>The permission to use a model: settle it when the request has ended.</summary>
    /// <exception cref="RuntimeErrorException">AR2xxx.</exception>
    public ModelPermission Demand(WorkIdentity caller, string model)
    {
        var policy = (decisions.Current(caller.Tenant) ?? throw NoPolicy()).Open(caller);
        var call = new PolicyCall(PolicyAction.UseModel, model, NoArguments, time.GetUtcNow());
        var decision = policy.Decide(call);
        var record = _records.Record(caller, call, decision);
        if (decision.Verdict == Verdict.Allow && record is not null)
            return new ModelPermission(policy, call, caller, _records, record);
        if (decision.Verdict == Verdict.Allow)
        {
            policy.Settle(call, CallOutcome.NotSent);
            throw new RuntimeErrorException(DecisionRecords.NotRecorded());
        }

        throw new RuntimeErrorException(decision.Reason ?? new RuntimeError(
            decision.Verdict == Verdict.RequireApproval ? ReasonCodes.ApprovalRequired : ReasonCodes.ModelNotGranted,
            $"policy does not let this caller use '{model}'",
            "model"));
    }

    /// <summary>Those of the models that the caller may use.</summary>
    public IReadOnlyList<ServedModel> Visible(WorkIdentity caller, IReadOnlyList<ServedModel> models)
    {
        if (decisions.Current(caller.Tenant) is not { } snapshot)
            return [];

        var visible = new List<ServedModel>();
        foreach (var model in models)
        {
            var policy = snapshot.Open(caller);
            var call = new PolicyCall(PolicyAction.UseModel, model.Name, NoArguments, time.GetUtcNow());
            if (policy.Decide(call).Verdict != Verdict.Allow)
                continue;

            policy.Settle(call, CallOutcome.NotSent);
            visible.Add(model);
        }

        return visible;
    }

    private static RuntimeErrorException NoPolicy() => new(new RuntimeError(
        ReasonCodes.NoPolicy,
        "the tenant has no policy bundle, so nothing is allowed",
        null,
        "Apply one: PUT /v1/policy"));
}

/// <summary>An allowed use of a model, to be settled once.</summary>
internal readonly record struct ModelPermission(
    IRunPolicy Policy, PolicyCall Call, WorkIdentity Caller, DecisionRecords Records, string Record)
{
    public void Settle(CallOutcome outcome)
    {
        Policy.Settle(Call, outcome);
        Records.Settle(Caller, Record, outcome);
    }
}
