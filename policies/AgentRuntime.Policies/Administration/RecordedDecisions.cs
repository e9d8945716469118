using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>Reads decisions out of the audit log. Bounded. Thread-safe.</summary>
internal sealed class RecordedDecisions(IAuditLog audit)
{
    /// <summary>Records that one question looks at; the oldest of its time come first.</summary>
    public const int MaxRecords = 200_000;

    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    /// <summary>What was decided since, oldest first.</summary>
    public async ValueTask<IReadOnlyList<RecordedDecision>> ReadAsync(
        TenantId tenant, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var outcomes = new Dictionary<string, CallOutcome>(StringComparer.Ordinal);
        foreach (var record in await AllAsync(tenant, DecisionSettled.KindName, since, cancellationToken))
        {
            if (record.Data is DecisionSettled settled)
                outcomes[settled.Decision] = OutcomeOf(settled.Outcome);
        }

        var decisions = new List<RecordedDecision>();
        foreach (var record in await ReadAllAsync(tenant, since, cancellationToken))
        {
            var made = (DecisionMade)record.Data;
            decisions.Add(Of(made, record.At) with
            {
                Outcome = outcomes.TryGetValue(made.Decision, out var outcome) ? outcome : null,
            });
        }

        return decisions;
    }

    /// <summary>The records of decisions since, oldest first.</summary>
    public ValueTask<IReadOnlyList<AuditRecord>> ReadAllAsync(
        TenantId tenant, DateTimeOffset since, CancellationToken cancellationToken) =>
        AllAsync(tenant, DecisionMade.KindName, since, cancellationToken);

    /// <summary>A page, newest first.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: the token is none.</exception>
    public async ValueTask<DecisionList> PageAsync(
        TenantId tenant, string? before, int limit, CancellationToken cancellationToken)
    {
        long? place = null;
        if (before is { Length: > 0 })
            place = long.TryParse(before, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new RuntimeErrorException(new(
                    ReasonCodes.MalformedRequest, "'page_token' is not one that this API gave out", "page_token"));
        var records = await audit.ReadAsync(
            tenant, new() { Kind = DecisionMade.KindName, Before = place, Limit = limit }, cancellationToken);
        return new(
            records.Select(r => new DecisionResource(r.At, (DecisionMade)r.Data)).ToList(),
            records.Count == limit ? records[^1].Id.ToString(CultureInfo.InvariantCulture) : null);
    }

    private async ValueTask<IReadOnlyList<AuditRecord>> AllAsync(
        TenantId tenant, string kind, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var all = new List<AuditRecord>();
        var last = 0L;
        while (all.Count < MaxRecords)
        {
            var page = await audit.ReadAsync(
                tenant, new() { Kind = kind, Since = since, After = last }, cancellationToken);
            if (page.Count == 0)
                break;
            all.AddRange(page);
            last = page[^1].Id;
        }

        return all;
    }

    private static RecordedDecision Of(DecisionMade made, DateTimeOffset at) =>
        new(
            made.Caller,
            made.Run,
            new(
                ActionOf(made.Action),
                made.Resource,
                made.Arguments ?? NoArguments,
                at),
            VerdictOf(made.Verdict),
            made.Policies)
        {
            Number = made.Call,
            Principal = made.Principal,
            Arguments = made.Action == "use_model" ? RecordedArguments.Whole
                : made.Arguments is null ? RecordedArguments.Missing
                : made.Redacted ? RecordedArguments.Redacted
                : RecordedArguments.Whole,
            WasApproved = made.Approved,
            Code = made.Reason is { } reason ? ReasonCode.Parse(reason.Code) : null,
        };

    private static PolicyAction ActionOf(string word) =>
        word switch
        {
            "use_model" => PolicyAction.UseModel,
            "read_memory" => PolicyAction.ReadMemory,
            "write_memory" => PolicyAction.WriteMemory,
            _ => PolicyAction.CallTool,
        };

    private static Verdict VerdictOf(string word) =>
        word switch
        {
            "allow" => Verdict.Allow,
            "require_approval" => Verdict.RequireApproval,
            _ => Verdict.Deny,
        };

    private static CallOutcome OutcomeOf(string word) =>
        word switch
        {
            "succeeded" => CallOutcome.Succeeded,
            "not_sent" => CallOutcome.NotSent,
            _ => CallOutcome.Failed,
        };
}
