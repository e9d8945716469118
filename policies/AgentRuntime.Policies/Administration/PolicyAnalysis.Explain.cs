using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <content>Explanations of decisions that were made, and of requests that might be.</content>
public sealed partial class PolicyAnalysis
{
    private const int MaxHistory = 1_000;
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    /// <inheritdoc/>
    public ValueTask<PolicyExplanationResource> ExplainAsync(
        WorkIdentity caller, PolicyExplainBody question, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(question);
        return question.Run is null
            ? ExplainRequestAsync(caller, question, cancellationToken)
            : ExplainRecordedAsync(caller, question, cancellationToken);
    }

    private async ValueTask<PolicyExplanationResource> ExplainRecordedAsync(
        WorkIdentity caller, PolicyExplainBody question, CancellationToken cancellationToken)
    {
        if (!RunId.TryParse(question.Run, out var id) || question.Call is not { } number)
            throw Malformed("a recorded decision is named by 'run' (run_…) and 'call', the number of the call", "run");
        var then = await _replay.ReadAsync(caller, id, number, cancellationToken);

        // Under the bundle that the run was accepted under, or as another would have it.
        var (own, problems) = await CompileAsync(caller.Tenant, question.Files, cancellationToken);
        var snapshot = question.Files is not null
            ? own
            : await _point.Places.DoAsync(
                caller.Tenant,
                () => _point.FindSnapshotAsync(caller.Tenant, then.Bundle, cancellationToken).AsTask(),
                cancellationToken);
        if (snapshot is null)
            return question.Files is null
                ? throw RunReplay.Unknown("the run's bundle is not kept any more", "run")
                : new("", "", "", []) { Problems = problems };
        return await _point.Places.DoAsync(
            caller.Tenant,
            () =>
            {
                var run = snapshot.OpenRun(then.Identity, new ThreatMonitor());
                then.Repeat(run, cancellationToken);
                return Resources.Of(
                    PolicyExplainer.Explain(snapshot, run, then.Call),
                    then.Identity.AgentName ?? then.Identity.ProjectName,
                    then.Call.Resource,
                    then.Verdict);
            },
            cancellationToken);
    }

    private async ValueTask<PolicyExplanationResource> ExplainRequestAsync(
        WorkIdentity caller, PolicyExplainBody question, CancellationToken cancellationToken)
    {
        if (question.Agent is null == question.Client is null)
            throw Malformed("either an 'agent' or a 'client' asks", "agent");
        var at = question.At ?? _time.GetUtcNow();
        var call = ReadCall(question.Tool, question.Model, question.Memory, question.Arguments, at);
        var history = question.History ?? [];
        if (history.Count > MaxHistory)
            throw Malformed($"a history has at most {MaxHistory} events", "history");
        var asked = new PolicyQuestion(
            question.Agent ?? question.Client!, call.Action, call.Resource, call.Arguments, at)
        {
            History = history.Select(e => ReadEvent(e, at)).ToList(),
        };
        var (own, problems) = await CompileAsync(caller.Tenant, question.Files, cancellationToken);
        var snapshot = question.Files is not null ? own : _point.Enforced(caller.Tenant);
        if (snapshot is null)
            return question.Files is null ? throw NoBundle() : new("", "", "", []) { Problems = problems };
        return await _point.Places.DoAsync(
            caller.Tenant,
            () => Resources.Of(
                PolicyExplainer.Explain(snapshot, asked, cancellationToken), asked.Caller, asked.Resource, null),
            cancellationToken);
    }

    // Nothing at all when no files are given: then a bundle of the tenant's is asked.
    private async ValueTask<(BundleSnapshot? Snapshot, IReadOnlyList<ErrorResource>? Problems)> CompileAsync(
        TenantId tenant, IReadOnlyDictionary<string, string>? files, CancellationToken cancellationToken)
    {
        if (files is null)
            return default;
        return await _point.Places.DoAsync<(BundleSnapshot?, IReadOnlyList<ErrorResource>?)>(
            tenant,
            () =>
            {
                var problems = new Problems();
                return BundleCompiler.Compile(files, _options, problems, cancellationToken) is { } bundle
                    ? (new BundleSnapshot(bundle, _options), null)
                    : (null, Resources.Of(problems.ToList()));
            },
            cancellationToken);
    }

    /// <param name="body">Null where a client sent it: nullable annotations say nothing of what a list holds.</param>
    /// <param name="at">The time of the request.</param>
    private static PolicyEvent ReadEvent(PolicyEventBody? body, DateTimeOffset at)
    {
        if (body is null)
            throw Malformed("'history' holds what the run did, and null is nothing", "history");
        if (body.AgoSeconds is not (>= 0 and <= 31_536_000))
            throw Malformed("'ago_seconds' must be 0 to 31536000", "history");
        var call = ReadCall(
            body.Tool, body.Model, body.Memory, body.Arguments, at - TimeSpan.FromSeconds(body.AgoSeconds));
        CallOutcome? outcome = body.Outcome switch
        {
            null or "succeeded" => CallOutcome.Succeeded,
            "failed" => CallOutcome.Failed,
            "not_sent" => CallOutcome.NotSent,
            "in_flight" or "approved" or "denied" => null,
            _ => throw Malformed(
                "'outcome' must be succeeded, failed, not_sent, in_flight, approved or denied", "history"),
        };
        return new(
            call.Action,
            call.Resource,
            call.Arguments,
            call.At,
            outcome,
            body.Outcome == "approved",
            body.Outcome == "denied");
    }

    private static PolicyCall ReadCall(
        string? tool, string? model, PolicyMemoryBody? memory, JsonElement? arguments, DateTimeOffset at)
    {
        if ((tool is null ? 0 : 1) + (model is null ? 0 : 1) + (memory is null ? 0 : 1) != 1)
            throw Malformed("either a 'tool' is called, a 'model' is asked or 'memory' is used", "tool");
        if (memory is not null)
        {
            return memory.Read is null == memory.Write is null
                ? throw Malformed("'memory' names either a bucket to 'read' or one to 'write'", "memory")
                : new(
                    memory.Read is null ? PolicyAction.WriteMemory : PolicyAction.ReadMemory,
                    memory.Read ?? memory.Write!,
                    MemoryCalls.Arguments(memory.Key),
                    at);
        }

        return new(
            tool is null ? PolicyAction.UseModel : PolicyAction.CallTool,
            tool ?? model!,
            arguments is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } given ? given : NoArguments,
            at);
    }

    private static RuntimeErrorException Malformed(string message, string where) =>
        new(new(ReasonCodes.MalformedRequest, message, where));
}
