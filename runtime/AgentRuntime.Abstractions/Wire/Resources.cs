using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>Tokens in the form that clients read.</summary>
public sealed record UsageResource(long PromptTokens, long CachedPromptTokens, long OutputTokens)
{
    /// <summary>The wire form of a usage.</summary>
    public static UsageResource From(InferenceUsage usage) =>
        new(usage.Prompt.Value, usage.CachedPrompt.Value, usage.Output.Value);
}

/// <summary>An error in the form that clients read inside other resources.</summary>
public sealed record ErrorResource(string Code, string Message, string? Where = null, string? Action = null)
{
    /// <summary>The wire form of an error.</summary>
    public static ErrorResource From(RuntimeError error) =>
        new(error.Code.ToString(), error.Message, error.Where, error.Action);

    /// <summary>The error behind the wire form.</summary>
    public RuntimeError ToError() => new(ReasonCode.Parse(Code), Message, Where, Action);
}

/// <summary>RFC 9457 problem details, as the control API answers errors.</summary>
/// <param name="Type">A URI that names the error's page.</param>
/// <param name="Title">The message.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">The AR code.</param>
/// <param name="Instance">Where it went wrong.</param>
/// <param name="Detail">What to do.</param>
/// <param name="RequestId">Leads to the platform's log.</param>
public sealed record ProblemResource(
    string Type,
    string Title,
    int Status,
    string Code,
    string? Instance = null,
    string? Detail = null,
    string RequestId = "");

/// <summary>Body of <c>POST /v1/projects/{project}/agents/{agent}/runs</c>.</summary>
public sealed record StartRunBody(string Input);

/// <summary>A run in the form that clients read.</summary>
public sealed record RunResource(
    string Id,
    string Agent,
    string Status,
    string Module,
    string Bundle,
    DateTimeOffset CreatedAt,
    UsageResource Usage,
    long CostMicroUsd,
    DateTimeOffset? EndedAt = null,
    string? Output = null,
    ErrorResource? Error = null)
{
    /// <summary>The wire form of a run.</summary>
    public static RunResource From(RunRecord run) => new(
        run.Identity.Run.GetValueOrDefault().ToString(),
        run.Identity.AgentName ?? "",
        run.Status switch
        {
            RunStatus.Queued => "queued",
            RunStatus.Running => "running",
            RunStatus.Succeeded => "succeeded",
            RunStatus.Failed => "failed",
            RunStatus.Cancelled => "cancelled",
            _ => throw new ArgumentOutOfRangeException(nameof(run), run.Status, "unknown run status"),
        },
        run.Module.ToString(),
        run.Bundle.ToString(),
        run.CreatedAt,
        UsageResource.From(run.Usage),
        run.Cost.Value,
        run.EndedAt,
        run.Output,
        run.Error is null ? null : ErrorResource.From(run.Error));
}

/// <summary>A page of runs, newest first.</summary>
/// <param name="Runs">The runs.</param>
/// <param name="NextPageToken">Pass as <c>page_token</c> for the next page; null on the last.</param>
public sealed record RunList(IReadOnlyList<RunResource> Runs, string? NextPageToken = null);

/// <summary>A run's event in the form that clients read.</summary>
public sealed record RunEventResource(string Run, long Sequence, DateTimeOffset At, RunEventData Data)
{
    /// <summary>The wire form of an event.</summary>
    public static RunEventResource From(RunEvent e) => new(e.Run.ToString(), e.Sequence, e.At, e.Data);
}

/// <summary>
/// A run's events, oldest first: as many as were asked for, or fewer where they are large. Ask again with <c>after</c>
/// set to the last sequence for those that follow, until there are none.
/// </summary>
public sealed record RunEventList(IReadOnlyList<RunEventResource> Events);

/// <summary>A call that waits for a person's decision.</summary>
/// <param name="Run">The run.</param>
/// <param name="Agent"><c>project/agent</c>.</param>
/// <param name="Call">The call's number in the run's events.</param>
/// <param name="Tool"><c>server/tool</c>.</param>
/// <param name="ArgumentsJson">Exactly what an approval would allow.</param>
/// <param name="ExpiresAt">When the call is refused if nobody has decided (AR2005).</param>
public sealed record ApprovalResource(
    string Run, string Agent, int Call, string Tool, string ArgumentsJson, DateTimeOffset ExpiresAt)
{
    /// <summary>The wire form of a waiting call.</summary>
    public static ApprovalResource From(WaitingApproval waiting) => new(
        waiting.Run.ToString(),
        waiting.Agent,
        waiting.Request.Call,
        waiting.Request.Tool,
        waiting.Request.ArgumentsJson,
        waiting.Request.ExpiresAt);
}

/// <summary>The calls of the caller's project that wait, oldest first.</summary>
public sealed record ApprovalList(IReadOnlyList<ApprovalResource> Approvals);

/// <summary>Body of <c>POST /v1/runs/{id}/approvals/{call}</c>.</summary>
/// <param name="Approved">Whether the call may be made.</param>
/// <param name="Comment">Why; the agent gets to read it. At most 500 characters.</param>
public sealed record ApprovalBody(bool Approved, string? Comment = null);

/// <summary>An agent in the form that clients read.</summary>
public sealed record AgentResource(
    string Id, string Name, string Project, string Module, int Version, DateTimeOffset DeployedAt)
{
    /// <summary>The wire form of an agent.</summary>
    public static AgentResource From(AgentRecord agent) =>
        new(
            agent.Id.ToString(),
            agent.Name,
            agent.ProjectName,
            agent.Module.ToString(),
            agent.Version,
            agent.DeployedAt);
}

/// <summary>The tenant's agents, ordered by name.</summary>
public sealed record AgentList(IReadOnlyList<AgentResource> Agents);

/// <summary>A policy bundle's files by path, as <c>PUT /v1/policy</c> takes them.</summary>
public sealed record PolicyBundleBody(
    [property: JsonConverter(typeof(BundleFilesConverter))] IReadOnlyDictionary<string, string> Files);

/// <summary>What became of a bundle.</summary>
/// <param name="Problems">What is wrong with it; empty when it was applied.</param>
/// <param name="Bundle">The content address; null when it could not be read at all.</param>
/// <param name="Version">The version that it has now; null when nothing was put in force.</param>
public sealed record PolicyBundleResource(
    IReadOnlyList<ErrorResource> Problems, string? Bundle = null, int? Version = null)
{
    /// <summary>The wire form of an outcome.</summary>
    public static PolicyBundleResource From(ApplyOutcome outcome) =>
        new([.. outcome.Problems.Select(ErrorResource.From)], outcome.Bundle?.ToString(), outcome.Version);
}
