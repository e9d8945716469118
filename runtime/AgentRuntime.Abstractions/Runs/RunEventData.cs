using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// What happened in a run, in the JSON form that the journal keeps and clients read. Types and members are added,
/// never renamed or removed. Immutable.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(RunStarted), "run.started")]
[JsonDerivedType(typeof(RunResumed), "run.resumed")]
[JsonDerivedType(typeof(RunSuspended), "run.suspended")]
[JsonDerivedType(typeof(RunSucceeded), "run.succeeded")]
[JsonDerivedType(typeof(RunFailed), "run.failed")]
[JsonDerivedType(typeof(RunCancelled), "run.cancelled")]
[JsonDerivedType(typeof(GuestLogged), "log")]
[JsonDerivedType(typeof(ChatStarted), "chat.started")]
[JsonDerivedType(typeof(ChatCompleted), "chat.completed")]
[JsonDerivedType(typeof(ChatFailed), "chat.failed")]
[JsonDerivedType(typeof(ToolDecided), "tool.decided")]
[JsonDerivedType(typeof(ApprovalRequested), "approval.requested")]
[JsonDerivedType(typeof(ApprovalDecided), "approval.decided")]
[JsonDerivedType(typeof(ToolStarted), "tool.started")]
[JsonDerivedType(typeof(ToolCompleted), "tool.completed")]
[JsonDerivedType(typeof(ToolFailed), "tool.failed")]
[JsonDerivedType(typeof(MemoryCompleted), "memory.completed")]
[JsonDerivedType(typeof(MemoryRefused), "memory.refused")]
[JsonDerivedType(typeof(SleepStarted), "sleep.started")]
public abstract record RunEventData;

/// <summary>A worker started the run.</summary>
public sealed record RunStarted(string Agent, string Module, string Bundle, string SandboxEngine) : RunEventData;

/// <summary>
/// Another worker took the run over and continues it from its recorded results, or the one that has it goes on with it
/// after a long wait.
/// </summary>
/// <param name="Attempt">2 for the second worker that has the run, and so on.</param>
/// <param name="ReplayedCalls">
/// Host calls whose recorded results are given to the agent again; none after a wait.
/// </param>
/// <param name="SandboxEngine">The engine that runs it now.</param>
public sealed record RunResumed(int Attempt, int ReplayedCalls, string SandboxEngine) : RunEventData;

/// <summary>
/// The platform was stopped in good order while the run was under way, or the run waits for a person or a time and has
/// done so for long; it goes on with it later.
/// </summary>
public sealed record RunSuspended : RunEventData;

/// <summary>The agent returned its output.</summary>
public sealed record RunSucceeded(string Output, RunTotals Totals) : RunEventData;

/// <summary>The run failed.</summary>
public sealed record RunFailed(ErrorResource Error, RunTotals Totals) : RunEventData;

/// <summary>The run was cancelled.</summary>
public sealed record RunCancelled(ErrorResource Error, RunTotals Totals) : RunEventData;

/// <summary>The guest logged a line.</summary>
public sealed record GuestLogged(string Level, string Message) : RunEventData;

/// <summary>The guest asks a model: written before the request is sent.</summary>
/// <param name="Call">Number of the host call within the run; the same in all events of one call.</param>
/// <param name="Model">The model.</param>
/// <param name="MaxOutputTokens">What was reserved for the answer.</param>
public sealed record ChatStarted(int Call, string Model, int MaxOutputTokens) : RunEventData;

/// <summary>The model answered.</summary>
public sealed record ChatCompleted(
    int Call,
    string Model,
    string Content,
    IReadOnlyList<ModelToolCall> ToolCalls,
    string FinishReason,
    UsageResource Usage,
    long CostMicroUsd,
    double TimeToFirstTokenMs,
    double DurationMs,
    string PrefillEngine,
    string DecodeEngine,
    double? KvTransferMs = null,
    long? KvBytes = null) : RunEventData;

/// <summary>The model was not asked, or did not answer to the end.</summary>
/// <param name="Call">Number of the host call within the run.</param>
/// <param name="Model">The model.</param>
/// <param name="Error">Why.</param>
/// <param name="Usage">What was charged for the part of an answer that came; null for nothing.</param>
/// <param name="CostMicroUsd">What that cost; null for nothing.</param>
/// <param name="NotSent">True when nothing was sent, so that rules do not count the call; else null.</param>
public sealed record ChatFailed(
    int Call,
    string Model,
    ErrorResource Error,
    UsageResource? Usage = null,
    long? CostMicroUsd = null,
    bool? NotSent = null) : RunEventData;

/// <summary>Policy decided about a tool or model call.</summary>
public sealed record ToolDecided(
    int Call,
    string Tool,
    string ArgumentsJson,
    string Verdict,
    IReadOnlyList<string> DeterminingPolicies,
    ErrorResource? Reason = null,
    string? Bundle = null) : RunEventData;

/// <summary>The call waits for a person.</summary>
/// <param name="Call">The call to decide about.</param>
/// <param name="Tool">The tool.</param>
/// <param name="ArgumentsJson">The arguments that an approval is for.</param>
/// <param name="ExpiresAt">When nobody's answer becomes a no.</param>
public sealed record ApprovalRequested(int Call, string Tool, string ArgumentsJson, DateTimeOffset ExpiresAt)
    : RunEventData;

/// <summary>A person decided about the call.</summary>
public sealed record ApprovalDecided(int Call, bool Approved, string Principal, string? Comment = null) : RunEventData;

/// <summary>The tool is about to be called: written before the request is sent.</summary>
public sealed record ToolStarted(int Call, string Tool, string IdempotencyKey) : RunEventData;

/// <summary>The tool answered.</summary>
public sealed record ToolCompleted(int Call, string Tool, string Content, double DurationMs) : RunEventData;

/// <summary>The tool failed.</summary>
/// <param name="Call">Number of the host call within the run.</param>
/// <param name="Tool">The tool.</param>
/// <param name="Error">Why.</param>
/// <param name="DurationMs">How long it took, in milliseconds.</param>
/// <param name="NotSent">True when nothing was sent, so that rules do not count the call; else null.</param>
public sealed record ToolFailed(
    int Call, string Tool, ErrorResource Error, double DurationMs, bool? NotSent = null) : RunEventData;

/// <summary>The guest read or changed its memory.</summary>
/// <param name="Call">Number of the host call within the run.</param>
/// <param name="Operation"><c>get</c>, <c>exists</c>, <c>list_keys</c>, <c>set</c> or <c>delete</c>.</param>
/// <param name="Bucket">The bucket.</param>
/// <param name="Key">The key; null for listing.</param>
/// <param name="Found">Whether there was a value, for <c>get</c> and <c>exists</c>.</param>
/// <param name="Value">What was read, in base64; for <c>get</c>.</param>
/// <param name="ValueDigest">SHA-256 of what was written, in lower-case hex; for <c>set</c>.</param>
/// <param name="Keys">What was listed.</param>
/// <param name="Cursor">Where listing goes on, and for a later page also where it began; null at the end.</param>
public sealed record MemoryCompleted(
    int Call,
    string Operation,
    string Bucket,
    string? Key = null,
    bool? Found = null,
    string? Value = null,
    string? ValueDigest = null,
    IReadOnlyList<string>? Keys = null,
    string? Cursor = null) : RunEventData;

/// <summary>Memory was neither read nor changed.</summary>
public sealed record MemoryRefused(
    int Call, string Operation, string Bucket, ErrorResource Error, string? Key = null) : RunEventData;

/// <summary>
/// The guest sleeps until a moment, whoever runs it then. Shorter sleeps than a minute are not recorded, and begin anew
/// with another worker.
/// </summary>
public sealed record SleepStarted(int Call, DateTimeOffset Until) : RunEventData;

/// <summary>What the run used.</summary>
public sealed record RunTotals(
    UsageResource Usage, long CostMicroUsd, double CpuMs, long MemoryPeakBytes, int HostCalls);
