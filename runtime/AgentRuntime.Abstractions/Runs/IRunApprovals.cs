namespace AgentRuntime.Abstractions;

/// <summary>Lets people decide about calls that policy holds until somebody has approved them. Thread-safe.</summary>
public interface IRunApprovals
{
    /// <summary>Decides about a waiting call, once; the decision is in the journal when the task completes.</summary>
    ValueTask<ApprovalOutcome> DecideAsync(RunApproval approval, CancellationToken cancellationToken);

    /// <summary>The calls of a project's runs that wait for a decision now, oldest first; at most 1,000.</summary>
    IReadOnlyList<WaitingApproval> Waiting(TenantId tenant, ProjectId project);
}

/// <summary>A call that waits for a person. Immutable.</summary>
/// <param name="Run">The run.</param>
/// <param name="Agent">Its agent, <c>project/agent</c>.</param>
/// <param name="Request">What is asked for, as the run's journal has it.</param>
public sealed record WaitingApproval(RunId Run, string Agent, ApprovalRequested Request);

/// <summary>A person's decision about one call of a run. Immutable.</summary>
/// <param name="Caller">Who decides: of the run's tenant and project.</param>
/// <param name="Run">The run.</param>
/// <param name="Call">The call's number in the run's events.</param>
/// <param name="Approved">Whether the call may be made, with exactly the arguments that were shown.</param>
/// <param name="Comment">Why; the agent gets to read it. At most 500 characters.</param>
public sealed record RunApproval(WorkIdentity Caller, RunId Run, int Call, bool Approved, string? Comment = null);

/// <summary>What became of an approval.</summary>
public enum ApprovalOutcome : byte
{
    /// <summary>It is recorded and the run goes on.</summary>
    Recorded = 1,

    /// <summary>
    /// The call does not wait: somebody was faster, its time is over, or it never needed an approval.
    /// </summary>
    NotWaiting = 2,

    /// <summary>The caller's project has no such run under way.</summary>
    NotFound = 3,
}
