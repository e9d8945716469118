using System.Diagnostics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>Asks policy with a span around it, and reads every verdict but a clear yes as a no. Stateless.</summary>
internal static class Decisions
{
    public static Decision Decide(IRunPolicy policy, PolicyCall call)
    {
        using var activity = RuntimeTelemetry.Source.StartActivity("policy decide");
        var decision = policy.Decide(call);
        activity?.SetTag("agentruntime.policy.action", DecisionRecords.Word(call.Action));
        activity?.SetTag("agentruntime.policy.resource", call.Resource);
        activity?.SetTag("agentruntime.policy.verdict", Verdict(decision));
        activity?.SetTag("agentruntime.policy.bundle", decision.Bundle?.ToString());
        if (Refusal(decision) is { } reason)
        {
            activity?.SetTag("error.type", reason.Code.ToString());
            activity?.SetStatus(ActivityStatusCode.Ok, "refused");
        }
        return decision;
    }

    /// <summary>
    /// Decides and records the decision; one that lets the call through and cannot be recorded becomes a refusal.
    /// </summary>
    public static (Decision Decision, string? Record) Decide(
        RunContext run, int number, PolicyCall call, bool approved = false)
    {
        var decision = Decide(run.Decisions, call);
        var record = run.Records.Record(run.Identity, call, decision, number, approved);
        if (record is not null || decision.Verdict == Abstractions.Verdict.Deny)
            return (decision, record);
        if (decision.Verdict == Abstractions.Verdict.Allow)
            run.Decisions.Settle(call, CallOutcome.NotSent);
        return (new(Abstractions.Verdict.Deny, DecisionRecords.NotRecorded(), decision.Bundle), null);
    }

    public static RuntimeError? Refusal(Decision decision) => decision.Verdict switch
    {
        Abstractions.Verdict.Allow => null,
        Abstractions.Verdict.RequireApproval => decision.Reason
            ?? new RuntimeError(ReasonCodes.ApprovalRequired, "The call needs a person's approval."),
        _ => decision.Reason ?? new RuntimeError(ReasonCodes.DefaultDeny, "No rule allows the call."),
    };

    public static string Verdict(Decision decision) => DecisionRecords.Word(decision.Verdict);
}
