using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Finds a decision of a run in its journal, with everything that the run had done before. Stateless.
/// </summary>
internal sealed class RunReplay(IRunJournal journal)
{
    private const int Page = 500;
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    /// <summary>As runs read arguments: those that name something twice were refused.</summary>
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>A decision that a run asked for.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR1007: no such run of the caller's. AR2017: no such decision.
    /// </exception>
    public async ValueTask<PastDecision> ReadAsync(
        WorkIdentity caller, RunId id, int number, CancellationToken cancellationToken)
    {
        var run = await journal.FindAsync(caller.Tenant, id, cancellationToken);
        if (run is null || run.Identity.Project != caller.Project)
            throw new RuntimeErrorException(new(ReasonCodes.UnknownRun, "there is no such run", "run"));
        var calls = new SortedDictionary<int, PastCall>();
        var last = 0L;
        while (await journal.ReadAsync(id, last, Page, cancellationToken) is { Count: > 0 } events)
        {
            foreach (var e in events)
                Note(calls, e);
            last = events[^1].Sequence;
        }

        return calls.TryGetValue(number, out var asked) && asked.Call is not null
            ? new(run, asked, calls.Values.TakeWhile(c => c != asked).Where(c => c.Call is not null).ToList())
            : throw Unknown($"call {number} of the run was not decided by policy", "call");
    }

    public static RuntimeErrorException Unknown(string message, string where) =>
        new(new(ReasonCodes.UnknownDecision, message, where, "'agentctl runs events' shows a run's calls."));

    private static void Note(SortedDictionary<int, PastCall> calls, RunEvent e)
    {
        switch (e.Data)
        {
            case ChatStarted chat:
                Of(chat.Call).Ask(new(PolicyAction.UseModel, chat.Model, NoArguments, e.At), "allow");
                break;
            case ChatCompleted chat:
                Of(chat.Call).Outcome = CallOutcome.Succeeded;
                break;
            case ChatFailed chat:
                var failed = Of(chat.Call);
                failed.Outcome = failed.Call is null ? null : OutcomeOf(chat.NotSent);
                failed.Ask(new(PolicyAction.UseModel, chat.Model, NoArguments, e.At), "deny");
                break;
            case ToolDecided tool when Parse(tool.ArgumentsJson) is { } arguments:
                Of(tool.Call).Ask(new(PolicyAction.CallTool, tool.Tool, arguments, e.At), tool.Verdict);
                break;
            case ApprovalDecided { Approved: true } approval:
                Of(approval.Call).ApprovedAt = e.At;
                break;
            case ToolCompleted tool:
                Of(tool.Call).Outcome = CallOutcome.Succeeded;
                break;
            case ToolFailed tool:
                Of(tool.Call).Outcome = OutcomeOf(tool.NotSent);
                break;
            case MemoryCompleted memory when CallOf(memory.Operation, memory.Bucket, memory.Key, e.At) is { } call:
                Of(memory.Call).Ask(call, "allow");
                Of(memory.Call).Outcome = CallOutcome.Succeeded;
                break;
            case MemoryRefused memory when CallOf(memory.Operation, memory.Bucket, memory.Key, e.At) is { } call:
                Of(memory.Call).Ask(call, VerdictOf(memory.Error.Code));
                Of(memory.Call).Outcome = CallOutcome.Failed;
                break;
        }

        PastCall Of(int number)
        {
            if (!calls.TryGetValue(number, out var call))
                calls.Add(number, call = new());
            return call;
        }
    }

    private static CallOutcome OutcomeOf(bool? notSent) =>
        notSent == true ? CallOutcome.NotSent : CallOutcome.Failed;

    private static PolicyCall? CallOf(string operation, string bucket, string? key, DateTimeOffset at)
    {
        PolicyAction? action = operation switch
        {
            "get" or "exists" or "list_keys" => PolicyAction.ReadMemory,
            "set" or "delete" => PolicyAction.WriteMemory,
            _ => null,
        };
        return action is { } known ? new(known, bucket, MemoryCalls.Arguments(key), at) : null;
    }

    // Policy refuses with codes of its own or with what its schema finds; anything else came after its yes.
    private static string VerdictOf(string code) =>
        code == ReasonCodes.ApprovalRequired.ToString() ? "require_approval"
        : code.StartsWith("AR2", StringComparison.Ordinal) || code == ReasonCodes.InvalidArguments.ToString() ? "deny"
        : "allow";

    private static JsonElement? Parse(string json)
    {
        try
        {
            return JsonElement.Parse(json, Strict);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>One call of a run as its journal has it. Filled while the journal is read, then only read.</summary>
internal sealed class PastCall
{
    public PolicyCall? Call { get; private set; }

    public string Verdict { get; private set; } = "";

    public DateTimeOffset? ApprovedAt { get; set; }

    public CallOutcome? Outcome { get; set; }

    // The first event of a call tells of its decision; a later one of how a continued run went on.
    public void Ask(PolicyCall call, string verdict)
    {
        if (Call is null)
            (Call, Verdict) = (call, verdict);
    }
}

/// <summary>A decision of a run, with what came before it. Immutable.</summary>
internal sealed class PastDecision(RunRecord run, PastCall asked, IReadOnlyList<PastCall> before)
{
    public WorkIdentity Identity => run.Identity;

    public BundleDigest Bundle => run.Bundle;

    /// <summary>What was decided then.</summary>
    public string Verdict => asked.ApprovedAt is null ? asked.Verdict : $"{asked.Verdict}, then approved";

    /// <summary>The call; after the approval when there was one.</summary>
    public PolicyCall Call { get; } =
        asked.ApprovedAt is { } at ? asked.Call! with { At = at } : asked.Call! with { };

    /// <summary>Lets a run do what it did before the call; refused calls are asked again too.</summary>
    public void Repeat(RunPolicy policy, CancellationToken cancellationToken)
    {
        foreach (var past in before)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var call = past.Call! with { };
            var verdict = policy.Decide(call).Verdict;
            if (past.ApprovedAt is { } approved && verdict == Abstractions.Verdict.RequireApproval)
            {
                policy.Approve(call, approved);
                call = call with { At = approved };
                verdict = policy.Decide(call).Verdict;
            }

            if (verdict == Abstractions.Verdict.Allow)
                policy.Settle(call, past.Verdict == "deny" ? CallOutcome.NotSent : past.Outcome ?? CallOutcome.Failed);
        }

        if (asked.ApprovedAt is { } at)
            policy.Approve(asked.Call!, at);
    }
}
