using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>Answers a tool call from the journal. Stateless.</summary>
internal static class ToolReplay
{
    /// <summary>
    /// The recorded answer; null when the call was started and its end is not known: it is then sent again with the
    /// same idempotency key, so that the tool does the work once.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR7002: the agent asks for something else than it did.</exception>
    public static HostCallResult? Answer(RunContext run, int number, HostCall.CallTool asked, RecordedCall past)
    {
        if (past.ToolDecided is not { } decided
            || decided.Tool != asked.Name
            || decided.ArgumentsJson != asked.ArgumentsJson)
            throw new RuntimeErrorException(RunErrors.Diverged(number));
        if (past.ToolCompleted is { } done)
        {
            Remember(run, asked, past, CallOutcome.Succeeded);
            return new HostCallResult.Tool(done.Content);
        }
        if (past.ToolFailed is { } failed)
        {
            Remember(run, asked, past, Outcome(failed));
            return new HostCallResult.Refused(failed.Error.ToError());
        }
        if (past.RefusedLater is { } late)
            return new HostCallResult.Refused(late.ToError());
        if (past.ApprovalDecided is { Approved: false } no)
            return new HostCallResult.Refused(ApprovalGate.RefusedBy(no, decided.Tool));
        return decided.Reason is { } refused && past.ToolStarted is null && past.ApprovalRequested is null
            ? new HostCallResult.Refused(refused.ToError())
            : null;
    }

    private static CallOutcome Outcome(ToolFailed failed) =>
        failed.NotSent == true ? CallOutcome.NotSent
        : failed.Error.ToError().Code == ReasonCodes.ToolResultTooLarge ? CallOutcome.Succeeded
        : CallOutcome.Failed;

    /// <summary>Rules look at the run's history, so the decision point is told of the call again.</summary>
    private static void Remember(RunContext run, HostCall.CallTool asked, RecordedCall past, CallOutcome outcome)
    {
        if (ToolArguments.Parse(asked.ArgumentsJson) is not { } arguments)
            return;
        var call = new PolicyCall(PolicyAction.CallTool, asked.Name, arguments, past.At) { IsReplay = true };
        var verdict = run.Decisions.Decide(call).Verdict;
        if (verdict == Verdict.RequireApproval && past.ApprovalDecided is { Approved: true })
        {
            run.Decisions.Approve(call, past.ApprovalDecidedAt);
            call = call with { At = past.ApprovalDecidedAt };
            verdict = run.Decisions.Decide(call).Verdict;
        }
        if (verdict == Verdict.Allow)
            run.Decisions.Settle(call, outcome);
    }
}
