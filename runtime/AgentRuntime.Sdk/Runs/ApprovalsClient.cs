using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>Shows the calls that wait for a person and decides about them. Thread-safe.</summary>
public sealed class ApprovalsClient
{
    private readonly ControlApi _api;

    internal ApprovalsClient(ControlApi api) => _api = api;

    /// <summary>The calls of the key's project that wait now, oldest first.</summary>
    public Task<ApprovalList> ListAsync(CancellationToken cancellationToken) =>
        _api.GetAsync("v1/approvals", WireJson.Default.ApprovalList, cancellationToken);

    /// <summary>Decides about one call, once; the decision is durable when the task completes.</summary>
    /// <param name="run"><c>run_…</c>.</param>
    /// <param name="call">The call's number in the run's events.</param>
    /// <param name="approved">Whether it may be made, with exactly the arguments that were shown.</param>
    /// <param name="comment">Why; the agent gets to read it. At most 500 characters.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="RuntimeErrorException">AR1007 no such run under way, AR7007 the call does not wait.</exception>
    public Task DecideAsync(
        string run, int call, bool approved, string? comment, CancellationToken cancellationToken) =>
        _api.PostAsync(
            $"{RunPath.Of(run)}/approvals/{call}",
            new ApprovalBody(approved, comment),
            WireJson.Default.ApprovalBody,
            cancellationToken);
}
