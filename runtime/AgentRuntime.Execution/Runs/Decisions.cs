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
        activity?.SetTag(
            "agentruntime.policy.action", call.Action == PolicyAction.CallTool ? "call_tool" : "use_model");
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

    /// <summary>Decides and says why not; null when the call may be made, and must then be settled.</summary>
    public static RuntimeError? Refusal(IRunPolicy policy, PolicyCall call) => Refusal(Decide(policy, call));

    public static RuntimeError? Refusal(Decision decision) => decision.Verdict switch
    {
        Abstractions.Verdict.Allow => null,
        Abstractions.Verdict.RequireApproval => decision.Reason
            ?? new RuntimeError(ReasonCodes.ApprovalRequired, "The call needs a person's approval."),
        _ => decision.Reason ?? new RuntimeError(ReasonCodes.DefaultDeny, "No rule allows the call."),
    };

    public static string Verdict(Decision decision) => decision.Verdict switch
    {
        Abstractions.Verdict.Allow => "allow",
        Abstractions.Verdict.RequireApproval => "require_approval",
        _ => "deny",
    };
}
