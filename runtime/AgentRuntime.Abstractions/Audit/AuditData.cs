using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// What an audit record says, in the JSON form that is kept. Types and members are added, never renamed or removed.
/// Immutable.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(DecisionMade), DecisionMade.KindName)]
[JsonDerivedType(typeof(DecisionSettled), DecisionSettled.KindName)]
[JsonDerivedType(typeof(ThreatFound), ThreatFound.KindName)]
[JsonDerivedType(typeof(PolicyChanged), PolicyChanged.KindName)]
public abstract record AuditData
{
    /// <summary>The kind, as <see cref="AuditQuery.Kind"/> asks for it.</summary>
    [JsonIgnore]
    public abstract string Kind { get; }
}

/// <summary>Policy decided about a call.</summary>
/// <param name="Decision">Names the decision: <c>dec_…</c>.</param>
/// <param name="Caller">An agent as <c>project/agent</c>, or the project of a client.</param>
/// <param name="Principal">Who asked.</param>
/// <param name="Action"><c>call_tool</c>, <c>use_model</c>, <c>read_memory</c> or <c>write_memory</c>.</param>
/// <param name="Resource">The tool's or model's name.</param>
/// <param name="Verdict"><c>allow</c>, <c>deny</c> or <c>require_approval</c>.</param>
/// <param name="Policies">The policies that determined it.</param>
public sealed record DecisionMade(
    string Decision,
    string Caller,
    string Principal,
    string Action,
    string Resource,
    string Verdict,
    IReadOnlyList<string> Policies) : AuditData
{
    /// <summary><c>decision</c>.</summary>
    public const string KindName = "decision";

    /// <inheritdoc/>
    public override string Kind => KindName;

    /// <summary>
    /// The arguments, without those that the bundle redacts; null when they are not kept: there are none, or they are
    /// too long.
    /// </summary>
    [JsonConverter(typeof(RawJsonConverter))]
    public JsonElement? Arguments { get; init; }

    /// <summary>Some of the arguments are not those that were decided about, because the bundle redacts them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Redacted { get; init; }

    /// <summary>The run; null for a client's direct request.</summary>
    public string? Run { get; init; }

    /// <summary>The number of the call within its run; null for a client's direct request.</summary>
    public int? Call { get; init; }

    /// <summary>Why not; null when allowed.</summary>
    public ErrorResource? Reason { get; init; }

    /// <summary>The bundle that decided; null when there was none.</summary>
    public string? Bundle { get; init; }

    /// <summary>Policies that failed to evaluate.</summary>
    public IReadOnlyList<string>? Errors { get; init; }

    /// <summary>A person had approved the call before.</summary>
    public bool Approved { get; init; }

    /// <summary>What the tenant's shadow would have decided; null when it has none.</summary>
    public ShadowVerdict? Shadow { get; init; }
}

/// <summary>What a shadow would have decided. Immutable.</summary>
/// <param name="Verdict"><c>allow</c>, <c>deny</c> or <c>require_approval</c>.</param>
/// <param name="Bundle">The shadow's content address.</param>
/// <param name="Policies">The policies that determined it.</param>
/// <param name="Reason">Why not; null when allowed.</param>
public sealed record ShadowVerdict(
    string Verdict, string Bundle, IReadOnlyList<string> Policies, ErrorResource? Reason = null);

/// <summary>An allowed call ended.</summary>
/// <param name="Decision">The decision that allowed it.</param>
/// <param name="Outcome"><c>succeeded</c>, <c>failed</c> or <c>not_sent</c>.</param>
public sealed record DecisionSettled(string Decision, string Outcome) : AuditData
{
    /// <summary><c>settled</c>.</summary>
    public const string KindName = "settled";

    /// <inheritdoc/>
    public override string Kind => KindName;
}

/// <summary>A threat rule of a bundle fired, or what it did was lifted.</summary>
/// <param name="Rule">The rule's name.</param>
/// <param name="Effect">
/// <c>warn</c>, <c>require_approval</c>, <c>throttle</c>, <c>quarantine_agent</c>, <c>kill_run</c>; or <c>lift</c>.
/// </param>
/// <param name="Agent">The agent.</param>
/// <param name="Detail">What was counted.</param>
public sealed record ThreatFound(string Rule, string Effect, string Agent, string Detail) : AuditData
{
    /// <summary><c>threat</c>.</summary>
    public const string KindName = "threat";

    /// <inheritdoc/>
    public override string Kind => KindName;

    /// <summary>The run in which it fired; null when it was lifted.</summary>
    public string? Run { get; init; }

    /// <summary>Until when it holds; null when it does not last.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>It holds against all runs of the agent, and not only against the one in which it fired.</summary>
    public bool OfAgent { get; init; }

    /// <summary>Seconds between two calls, when they are throttled.</summary>
    public double? PaceSeconds { get; init; }

    /// <summary>The bundle whose rule it is.</summary>
    public string? Bundle { get; init; }

    /// <summary>Who lifted it.</summary>
    public string? Principal { get; init; }
}

/// <summary>A tenant's bundle or shadow was changed.</summary>
/// <param name="Cause"><c>apply</c>, <c>rollback to 3</c>, <c>shadow</c>, <c>shadow ended</c>.</param>
/// <param name="Principal">By whom.</param>
/// <param name="Bundle">The bundle.</param>
/// <param name="Version">Its version; null for a shadow.</param>
public sealed record PolicyChanged(string Cause, string Principal, string Bundle, int? Version = null) : AuditData
{
    /// <summary><c>policy</c>.</summary>
    public const string KindName = "policy";

    /// <inheritdoc/>
    public override string Kind => KindName;
}
