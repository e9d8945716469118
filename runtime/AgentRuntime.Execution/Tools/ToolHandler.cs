using System.Diagnostics;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Answers a guest's <c>tools.call</c>: the arguments are read, policy decides, the server's tool is compared with the
/// approved one, the intent is written with its idempotency key, the tool is called, the outcome is written. What goes
/// wrong is an answer to the guest, not the end of its run. Thread-safe.
/// </summary>
internal sealed class ToolHandler(
    IToolTransport transport, ApprovalGate approvals, TimeProvider time, int maxResultBytes)
{
    /// <summary>UTF-16 units of a tool's name that are kept: no tool has a longer one.</summary>
    private const int MaxNameChars = 256;

    private readonly ToolPins _pins = new(transport);

    public async Task<HostCallResult> HandleAsync(
        RunContext run, int number, HostCall.CallTool asked, CancellationToken cancellationToken)
    {
        asked = asked with { Name = ShortText.WithEllipsis(asked.Name, MaxNameChars) };
        using var activity = RuntimeTelemetry.Source.StartActivity($"execute_tool {Known(run, asked.Name)}");
        activity?.SetTag("gen_ai.operation.name", "execute_tool");
        activity?.SetTag("gen_ai.tool.name", Known(run, asked.Name));
        activity?.SetTag("gen_ai.tool.call.id", $"{run.Run}:{number}");
        var result = await DecideAndCallAsync(run, number, asked, cancellationToken).ConfigureAwait(false);
        if (result is HostCallResult.Refused refused)
        {
            activity?.SetTag("error.type", refused.Error.Code.ToString());
            activity?.SetStatus(ActivityStatusCode.Error, refused.Error.Message);
        }
        return result;
    }

    private async Task<HostCallResult> DecideAndCallAsync(
        RunContext run, int number, HostCall.CallTool asked, CancellationToken cancellationToken)
    {
        var parsed = ToolArguments.Parse(asked.ArgumentsJson);
        // What is no object is decided about by nobody, and each such call would leave megabytes in the journal.
        if (parsed is null)
            asked = asked with { ArgumentsJson = ToolArguments.Shown(asked.ArgumentsJson) };
        var past = await run.History.FindAsync(number, cancellationToken).ConfigureAwait(false);
        if (past is not null && ToolReplay.Answer(run, number, asked, past) is { } recorded)
            return recorded;
        if (parsed is not { } arguments)
            return await RefuseAsync(
                run, number, asked, Denied(ToolArguments.NotAnObject(asked.Name)), cancellationToken)
                    .ConfigureAwait(false);
        var call = new PolicyCall(
            PolicyAction.CallTool, asked.Name, arguments, past?.At ?? time.GetUtcNow());
        var (decision, record) = Decisions.Decide(run, number, call);
        var decided = Decided(number, asked, decision);
        var held = decision.Verdict == Verdict.RequireApproval && approvals.IsOpen;
        if (held)
        {
            if (Find(run, asked.Name, arguments, out _, out _) is { } unfit)
                return await RefuseAsync(run, number, asked, Denied(unfit), cancellationToken).ConfigureAwait(false);
            if (await approvals.WaitAsync(run, call, decided, past, cancellationToken).ConfigureAwait(false)
                is { } refused)
                return new HostCallResult.Refused(refused);

            // What was true when the question was asked may no longer be: policy has the last word.
            call = call with
            {
                At = past is { ToolStarted: not null, ApprovalDecided: not null }
                    ? past.ApprovalDecidedAt
                    : time.GetUtcNow(),
            };
            (decision, record) = Decisions.Decide(run, number, call, approved: true);
        }
        if (Decisions.Refusal(decision) is { } reason)
        {
            var refused = await RefuseAsync(run, number, asked, decision, cancellationToken).ConfigureAwait(false);
            return decision.EndsRun ? throw new RuntimeErrorException(reason) : refused;
        }

        // Settled in every case from here on: an allowed call counts as in flight until it is.
        var outcome = CallOutcome.NotSent;
        try
        {
            // Policy may allow a call on condition that other arguments are sent.
            var sent = decision.Arguments ?? arguments;
            if (Find(run, asked.Name, sent, out var server, out var pinned) is { } problem)
                return await RefuseAsync(run, number, asked, Denied(problem), cancellationToken).ConfigureAwait(false);
            var key = $"{run.Run}:{number}";
            if (past?.ToolStarted is null)
                await run.Journal.AppendAsync(
                    held
                        ? [new ToolStarted(number, asked.Name, key)]
                        : [decided, new ToolStarted(number, asked.Name, key)],
                    cancellationToken).ConfigureAwait(false);
            var started = time.GetTimestamp();
            if (await _pins.CheckAsync(server!, pinned!, cancellationToken).ConfigureAwait(false) is { } changed)
                return await FailAsync(run, number, asked.Name, changed, started, outcome, cancellationToken)
                    .ConfigureAwait(false);

            outcome = CallOutcome.Failed;
            var tool = asked.Name[(server!.Name.Length + 1)..];
            switch (await transport.CallAsync(server, new ToolInvocation(tool, sent, key), cancellationToken)
                .ConfigureAwait(false))
            {
                case ToolOutcome.Failed failed:
                    // An answer that was cut off is one: rules must not take the call for one that did nothing.
                    if (failed.Error.Code == ReasonCodes.ToolResultTooLarge)
                        outcome = CallOutcome.Succeeded;
                    return await FailAsync(
                        run, number, asked.Name, failed.Error, started, outcome, cancellationToken)
                        .ConfigureAwait(false);
                case ToolOutcome.Succeeded answer:
                    outcome = CallOutcome.Succeeded;
                    if (Encoding.UTF8.GetByteCount(answer.Content) > maxResultBytes)
                        return await FailAsync(
                            run, number, asked.Name, TooLarge(asked.Name), started, outcome, cancellationToken)
                            .ConfigureAwait(false);
                    await run.Journal.AppendAsync(
                        new ToolCompleted(number, asked.Name, answer.Content, Elapsed(started)),
                        cancellationToken).ConfigureAwait(false);
                    return new HostCallResult.Tool(answer.Content);
                default:
                    throw new InvalidOperationException("a tool call ends in one of two ways");
            }
        }
        finally
        {
            run.Decisions.Settle(call, outcome);
            run.Records.Settle(run.Identity, record, outcome);
        }
    }

    private static RuntimeError? Find(
        RunContext run, string name, JsonElement arguments, out ToolServer? server, out ToolDescriptor? pinned)
    {
        pinned = run.Policy.Tenant.Tools.FirstOrDefault(t => t.Name == name);
        server = run.Policy.Tenant.ToolServers.FirstOrDefault(
            s => name.StartsWith(s.Name, StringComparison.Ordinal) && name.Length > s.Name.Length + 1
                && name[s.Name.Length] == '/');
        if (pinned is null || server is null)
            return new RuntimeError(ReasonCodes.UnknownTool, "No tool server of the bundle offers the tool.", name);
        server = server with { Tenant = run.Identity.Tenant, Egress = run.Agent.Egress ?? server.Egress };
        return ToolArguments.Check(pinned, arguments);
    }

    /// <summary>A refusal before anything was sent, with the decision that it follows from.</summary>
    private static async Task<HostCallResult> RefuseAsync(
        RunContext run, int number, HostCall.CallTool asked, Decision decision, CancellationToken cancellationToken)
    {
        await run.Journal.AppendAsync(Decided(number, asked, decision), cancellationToken).ConfigureAwait(false);
        return new HostCallResult.Refused(Decisions.Refusal(decision)!);
    }

    private async Task<HostCallResult> FailAsync(
        RunContext run, int number, string tool, RuntimeError error, long started, CallOutcome outcome,
        CancellationToken cancellationToken)
    {
        await run.Journal.AppendAsync(
            new ToolFailed(
                number,
                tool,
                ErrorResource.From(error),
                Elapsed(started),
                outcome == CallOutcome.NotSent ? true : null),
            cancellationToken).ConfigureAwait(false);
        return new HostCallResult.Refused(error);
    }

    private static ToolDecided Decided(int number, HostCall.CallTool asked, Decision decision) => new(
        number,
        asked.Name,
        asked.ArgumentsJson,
        Decisions.Verdict(decision),
        decision.DeterminingPolicies,
        Decisions.Refusal(decision) is { } reason ? ErrorResource.From(reason) : null,
        decision.Bundle?.ToString());

    private static Decision Denied(RuntimeError reason) => new(Verdict.Deny, reason, null);

    private double Elapsed(long started) => time.GetElapsedTime(started).TotalMilliseconds;

    /// <summary>The name when the bundle knows it: a guest's invention must not become a span's name.</summary>
    private static string Known(RunContext run, string name) =>
        run.Policy.Tenant.Tools.Any(t => t.Name == name) ? name : "unknown";

    private RuntimeError TooLarge(string tool) => new(
        ReasonCodes.ToolResultTooLarge,
        $"The tool's result has more than {maxResultBytes} bytes. The call itself took effect.",
        tool,
        "Ask the tool for less.");
}
