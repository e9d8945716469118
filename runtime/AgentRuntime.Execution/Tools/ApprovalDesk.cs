using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// The call of one run that waits for a person: at most one, since a guest blocks in its call. Thread-safe.
/// </summary>
internal sealed class ApprovalDesk
{
    private readonly Lock _lock = new();
    private Waiting? _waiting;

    /// <summary>What is asked for now; null when nothing is.</summary>
    public ApprovalRequested? Request
    {
        get
        {
            lock (_lock)
                return _waiting?.Request;
        }
    }

    /// <summary>Opens the desk for a call; close it in every case.</summary>
    public Waiting Open(ApprovalRequested request)
    {
        lock (_lock)
            return _waiting = new Waiting(request);
    }

    public void Close(Waiting waiting)
    {
        lock (_lock)
            _waiting = null;
        waiting.Recorded.TrySetResult(false);
    }

    /// <summary>
    /// Hands a decision in; true once the run has recorded it, false when the call does not wait for one.
    /// </summary>
    public async Task<bool> TryDecideAsync(RunApproval approval, CancellationToken cancellationToken)
    {
        Waiting? waiting;
        lock (_lock)
            waiting = _waiting;
        return waiting?.Request.Call == approval.Call
            && waiting.Decision.TrySetResult(approval)
            && await waiting.Recorded.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A call that waits.</summary>
    internal sealed class Waiting(ApprovalRequested request)
    {
        public ApprovalRequested Request => request;

        public TaskCompletionSource<RunApproval> Decision { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<bool> Recorded { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
