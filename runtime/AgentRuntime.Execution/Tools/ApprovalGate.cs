using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Holds a call until a person has decided about it. The request and the decision are in the journal, so that a run
/// that is continued elsewhere waits on, or goes on with what was decided. Thread-safe.
/// </summary>
/// <param name="patience">How long a call waits; zero refuses at once.</param>
/// <param name="time">The clock.</param>
internal sealed class ApprovalGate(TimeSpan patience, TimeProvider time)
{
    private const int MaxComment = 500;

    /// <summary>Whether calls are held at all.</summary>
    public bool IsOpen => patience > TimeSpan.Zero;

    /// <summary>Why the call must not be made; null once it was approved, and policy was told so.</summary>
    public async Task<RuntimeError?> WaitAsync(
        RunContext run, PolicyCall call, ToolDecided decided, RecordedCall? past, CancellationToken cancellationToken)
    {
        if (past?.ApprovalDecided is { } earlier)
            return Conclude(run, call, decided, earlier, past.ApprovalDecidedAt);
        var request = past?.ApprovalRequested
            ?? new ApprovalRequested(decided.Call, decided.Tool, decided.ArgumentsJson, time.GetUtcNow() + patience);

        // Opened before the request can be read, so that no answer comes too early.
        var waiting = run.Approvals.Open(request);
        try
        {
            if (past?.ApprovalRequested is null)
                await run.Journal.AppendAsync([decided, request], cancellationToken).ConfigureAwait(false);
            var deciding = DecisionAsync(waiting, request.ExpiresAt, cancellationToken);
            await run.Journal.RestAsync(deciding).ConfigureAwait(false);
            if (await deciding.ConfigureAwait(false) is not { } approval)
            {
                var expired = Expired(decided.Tool);
                await run.Journal.AppendAsync(
                    new ToolFailed(decided.Call, decided.Tool, ErrorResource.From(expired), 0, NotSent: true),
                    cancellationToken).ConfigureAwait(false);
                return expired;
            }
            var decision = new ApprovalDecided(
                decided.Call, approval.Approved, approval.Caller.Principal, Cut(approval.Comment));
            await run.Journal.AppendAsync(decision, cancellationToken).ConfigureAwait(false);
            waiting.Recorded.TrySetResult(true);
            return Conclude(run, call, decided, decision, time.GetUtcNow());
        }
        finally
        {
            run.Approvals.Close(waiting);
        }
    }

    private async Task<RunApproval?> DecisionAsync(
        ApprovalDesk.Waiting waiting, DateTimeOffset expiresAt, CancellationToken cancellationToken)
    {
        var left = expiresAt - time.GetUtcNow();
        if (left <= TimeSpan.Zero)
            return null;
        try
        {
            return await waiting.Decision.Task.WaitAsync(left, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static RuntimeError? Conclude(
        RunContext run, PolicyCall call, ToolDecided decided, ApprovalDecided decision, DateTimeOffset at)
    {
        if (decision.Approved)
        {
            run.Decisions.Approve(call, at);
            return null;
        }
        return RefusedBy(decision, decided.Tool);
    }

    /// <summary>What the agent is told of a call that a person refused, however often it asks.</summary>
    public static RuntimeError RefusedBy(ApprovalDecided decision, string tool) => new(
        ReasonCodes.ApprovalRefused,
        decision.Comment is { Length: > 0 } comment
            ? $"A person refused the call: {comment}"
            : "A person refused the call.",
        tool);

    private static RuntimeError Expired(string tool) =>
        new(ReasonCodes.ApprovalRequired, "Nobody approved the call in time.", tool);

    private static string? Cut(string? comment) =>
        comment is null ? null : ShortText.Of(comment, MaxComment);
}
