using System.Globalization;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Lets people see and decide about calls that wait for them. A key decides in its own project; an agent has no key,
/// so none decides about itself. Thread-safe.
/// </summary>
internal sealed class ApprovalsEndpoint(IRunApprovals approvals, JsonBodies bodies)
{
    private const int MaxBodyBytes = 8 << 10;
    private const int MaxComment = 500;

    /// <summary><c>GET /v1/approvals</c>.</summary>
    public Task ListAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken) =>
        JsonAnswer.WriteAsync(
            context,
            200,
            new ApprovalList([.. approvals.Waiting(caller.Tenant, caller.Project).Select(ApprovalResource.From)]),
            WireJson.Default.ApprovalList);

    /// <summary><c>POST /v1/runs/{id}/approvals/{call}</c>: recorded in the journal when it answers 204.</summary>
    public async Task DecideAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var route = context.Request.RouteValues;
        if (!RunId.TryParse(route["id"] as string, out var run))
            throw UnknownRun();
        if (!int.TryParse(route["call"] as string, NumberStyles.None, CultureInfo.InvariantCulture, out var call))
            throw Malformed("call", "'call' must be the number of a call in the run's events");
        var body = await bodies.ReadAsync<ApprovalBody>(context, caller, MaxBodyBytes, cancellationToken);
        if (body.Comment is { Length: > MaxComment })
            throw Malformed("comment", $"'comment' may have at most {MaxComment} characters");

        var outcome = await approvals.DecideAsync(
            new RunApproval(caller, run, call, body.Approved, body.Comment), cancellationToken);
        context.Response.StatusCode = outcome switch
        {
            ApprovalOutcome.Recorded => StatusCodes.Status204NoContent,
            ApprovalOutcome.NotWaiting => throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.NoApprovalWaiting,
                $"call {call} of the run does not wait for an approval",
                "call",
                "GET /v1/approvals lists the calls that wait.")),
            _ => throw UnknownRun(),
        };
    }

    private static RuntimeErrorException UnknownRun() =>
        new(new RuntimeError(ReasonCodes.UnknownRun, "there is no such run under way", "id"));

    private static RuntimeErrorException Malformed(string where, string message) =>
        new(new RuntimeError(ReasonCodes.MalformedRequest, message, where));
}
