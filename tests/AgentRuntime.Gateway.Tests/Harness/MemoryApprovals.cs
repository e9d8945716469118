using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Waiting calls in memory; a decision takes the call away.</summary>
internal sealed class MemoryApprovals : IRunApprovals
{
    public List<(WorkIdentity Owner, WaitingApproval Waiting)> Calls { get; } = [];

    public List<RunApproval> Decisions { get; } = [];

    public ValueTask<ApprovalOutcome> DecideAsync(RunApproval approval, CancellationToken cancellationToken)
    {
        var ofRun = Calls.FindAll(call => call.Owner.Project == approval.Caller.Project
            && call.Waiting.Run == approval.Run);
        if (ofRun.Count == 0)
            return ValueTask.FromResult(ApprovalOutcome.NotFound);
        if (Decisions.Any(decision => decision.Run == approval.Run && decision.Call == approval.Call)
            || ofRun.TrueForAll(call => call.Waiting.Request.Call != approval.Call))
            return ValueTask.FromResult(ApprovalOutcome.NotWaiting);
        Decisions.Add(approval);
        return ValueTask.FromResult(ApprovalOutcome.Recorded);
    }

    public IReadOnlyList<WaitingApproval> Waiting(TenantId tenant, ProjectId project) =>
        [.. Calls.Where(c => c.Owner.Tenant == tenant && c.Owner.Project == project).Select(c => c.Waiting)];
}
