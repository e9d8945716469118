namespace AgentRuntime.Abstractions;

/// <summary>
/// Writes decisions and how they ended to an audit log, in one form wherever they are made. Thread-safe.
/// </summary>
/// <param name="log">The log; null where nothing is recorded.</param>
/// <param name="time">The clock.</param>
public sealed class DecisionRecords(IAuditLog? log, TimeProvider time)
{
    /// <summary>Bytes of arguments, as they were written, that are recorded; longer ones are left out.</summary>
    public const int MaxArgumentBytes = 16 << 10;

    private const int MaxName = 256;

    /// <summary>Records a decision.</summary>
    /// <param name="identity">Whose call it is.</param>
    /// <param name="call">The call.</param>
    /// <param name="decision">What was decided.</param>
    /// <param name="number">The number of the call within its run; null for a client's direct request.</param>
    /// <param name="approved">A person had approved the call before.</param>
    /// <returns>
    /// The decision's name, for <see cref="Settle"/>; null when it could not be recorded, and then the call must not be
    /// made (<see cref="NotRecorded"/>).
    /// </returns>
    public string? Record(
        WorkIdentity identity, PolicyCall call, Decision decision, int? number = null, bool approved = false)
    {
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(decision);
        if (log is null)
            return "";
        var now = time.GetUtcNow();
        var id = RequestName.New("dec_", now);
        var arguments = decision.RecordedArguments ?? call.Arguments;
        var made = new DecisionMade(
            id,
            identity.AgentName ?? identity.ProjectName,
            identity.Principal,
            Word(call.Action),
            call.Resource.Length <= MaxName ? call.Resource : call.Resource[..MaxName],
            Word(decision.Verdict),
            decision.DeterminingPolicies)
        {
            Arguments = call.Action != PolicyAction.UseModel && arguments.GetRawText().Length <= MaxArgumentBytes
                ? arguments
                : null,
            Redacted = decision.RecordedArguments is not null,
            Run = identity.Run?.ToString(),
            Call = number,
            Reason = decision.Reason is { } reason ? ErrorResource.From(reason) : null,
            Bundle = decision.Bundle?.ToString(),
            Errors = decision.Errors.Count == 0 ? null : decision.Errors,
            Approved = approved,
            Shadow = decision.Shadow is { Bundle: { } bundle } shadow
                ? new(
                    Word(shadow.Verdict),
                    bundle.ToString(),
                    shadow.DeterminingPolicies,
                    shadow.Reason is { } why ? ErrorResource.From(why) : null)
                : null,
        };
        return log.TryAppend(new(identity.Tenant, now, made)) ? id : null;
    }

    /// <summary>Records how an allowed call ended.</summary>
    /// <param name="identity">Whose call it was.</param>
    /// <param name="decision">What <see cref="Record"/> returned.</param>
    /// <param name="outcome">How it ended.</param>
    public void Settle(WorkIdentity identity, string? decision, CallOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(identity);
        if (log is not null && decision is { Length: > 0 })
            log.TryAppend(new(identity.Tenant, time.GetUtcNow(), new DecisionSettled(decision, Word(outcome))));
    }

    /// <summary>Why a call is refused whose decision could not be recorded.</summary>
    public static RuntimeError NotRecorded() =>
        new(
            ReasonCodes.NotRecorded,
            "the decision cannot be recorded now, so the call is refused",
            Action: "Try again.")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };

    /// <summary><c>call_tool</c>, <c>use_model</c>, <c>read_memory</c> or <c>write_memory</c>.</summary>
    public static string Word(PolicyAction action) =>
        action switch
        {
            PolicyAction.CallTool => "call_tool",
            PolicyAction.UseModel => "use_model",
            PolicyAction.ReadMemory => "read_memory",
            PolicyAction.WriteMemory => "write_memory",
            _ => throw new ArgumentOutOfRangeException(nameof(action), action, "no such action"),
        };

    /// <summary><c>allow</c>, <c>deny</c> or <c>require_approval</c>.</summary>
    public static string Word(Verdict verdict) =>
        verdict switch
        {
            Verdict.Allow => "allow",
            Verdict.RequireApproval => "require_approval",
            _ => "deny",
        };

    /// <summary><c>succeeded</c>, <c>failed</c> or <c>not_sent</c>.</summary>
    public static string Word(CallOutcome outcome) =>
        outcome switch
        {
            CallOutcome.Succeeded => "succeeded",
            CallOutcome.NotSent => "not_sent",
            _ => "failed",
        };
}
