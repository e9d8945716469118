using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// The call of one run that waits for a person: at most one, since a guest blocks in its call. Thread-safe.
/// </summary>
internal sealed class ApprovalDesk
{
    private readonly Lock _lock = new();
    private Waiting? _waiting;

    /// <summary>Opens the desk for a call; close it in every case.</summary>
    public Waiting Open(int call)
    {
        lock (_lock)
            return _waiting = new Waiting(call);
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
        return waiting?.Call == approval.Call
            && waiting.Decision.TrySetResult(approval)
            && await waiting.Recorded.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A call that waits.</summary>
    internal sealed class Waiting(int call)
    {
        public int Call => call;

        public TaskCompletionSource<RunApproval> Decision { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<bool> Recorded { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
