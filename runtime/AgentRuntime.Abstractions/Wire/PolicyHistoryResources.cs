using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>Body of <c>POST /v1/policy/simulate</c>.</summary>
/// <param name="Files">The bundle to decide by.</param>
/// <param name="Days">Decisions of how many days, 1 to 365. Default 7.</param>
public sealed record PolicySimulateBody(
    [property: JsonConverter(typeof(BundleFilesConverter))] IReadOnlyDictionary<string, string> Files,
    int? Days = null);

/// <summary>What deciding again came to, or what a shadow would have decided.</summary>
/// <param name="Bundle">The bundle that decided this time.</param>
/// <param name="Decided">Decisions made again.</param>
/// <param name="Changed">Those that came out differently.</param>
/// <param name="Counts">How many went from which verdict to which.</param>
/// <param name="Differences">Those that changed, as far as they are listed.</param>
/// <param name="Skipped">Decisions that could not be made again: their arguments are not recorded, or those of a call
/// that came before them in their run and may count for them.</param>
/// <param name="Since">The first moment that was looked at.</param>
public sealed record PolicySimulationResource(
    string Bundle,
    int Decided,
    int Changed,
    IReadOnlyList<VerdictCount> Counts,
    IReadOnlyList<SimulatedDecisionResource> Differences,
    int Skipped = 0,
    DateTimeOffset? Since = null) : PolicyAnswer;

/// <summary>How many decisions went from one verdict to another.</summary>
public sealed record VerdictCount(string Before, string After, int Count);

/// <summary>A decision that came out differently.</summary>
public sealed record SimulatedDecisionResource(
    string Caller,
    string Resource,
    DateTimeOffset At,
    string Before,
    string After,
    IReadOnlyList<string> Policies,
    string? Run = null,
    int? Call = null,
    [property: JsonConverter(typeof(RawJsonConverter))] JsonElement? Arguments = null,
    ErrorResource? Reason = null);

/// <summary>Body of <c>POST /v1/policy/audit</c>.</summary>
public sealed record PolicyAuditBody
{
    /// <summary>The bundle to look at; null for the one in force.</summary>
    [JsonConverter(typeof(BundleFilesConverter))]
    public IReadOnlyDictionary<string, string>? Files { get; init; }

    /// <summary>A bundle to compare with; null for none.</summary>
    [JsonConverter(typeof(BundleFilesConverter))]
    public IReadOnlyDictionary<string, string>? CompareWith { get; init; }

    /// <summary>Which policies decided nothing within how many days, 1 to 365. Default 30.</summary>
    public int? Days { get; init; }
}

/// <summary>What an audit found.</summary>
/// <param name="Bundle">The bundle.</param>
/// <param name="Agents">What each agent can reach at most.</param>
/// <param name="UnreachableTools">Tools that are pinned and that nobody can call.</param>
/// <param name="NeverDecided">Policies that determined no decision of the time looked at.</param>
/// <param name="Days">The time looked at.</param>
/// <param name="Decisions">How many decisions were made in it.</param>
/// <param name="Differences">Calls that the other bundle decides differently; null when none was given.</param>
public sealed record PolicyAuditResource(
    string Bundle,
    IReadOnlyList<AgentReachResource> Agents,
    IReadOnlyList<string> UnreachableTools,
    IReadOnlyList<string> NeverDecided,
    int Days,
    int Decisions,
    IReadOnlyList<DecisionChangeResource>? Differences = null) : PolicyAnswer;

/// <summary>What one agent can reach at most.</summary>
public sealed record AgentReachResource(
    string Agent, IReadOnlyList<ReachResource> Tools, IReadOnlyList<ReachResource> Models)
{
    /// <summary>Buckets that it can read, and with <see cref="ReachResource.ReadOnly"/> false write.</summary>
    public IReadOnlyList<ReachResource> Memory { get; init; } = [];
}

/// <summary>A tool, model or bucket that an agent can reach.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ReadOnly">It changes nothing, as far as its pin says.</param>
/// <param name="NeedsApproval">Only with a person's approval.</param>
/// <param name="Conditions">Alternatives, one of which must hold; empty when any arguments will do.</param>
/// <param name="Forbids">Policies that may refuse it nevertheless.</param>
public sealed record ReachResource(
    string Name,
    bool ReadOnly,
    bool NeedsApproval,
    IReadOnlyList<string> Conditions,
    IReadOnlyList<string> Forbids);

/// <summary>Recorded decisions, newest first.</summary>
/// <param name="Decisions">The decisions.</param>
/// <param name="NextPageToken">Pass as <c>page_token</c> for the next page; null on the last.</param>
public sealed record DecisionList(IReadOnlyList<DecisionResource> Decisions, string? NextPageToken = null);

/// <summary>A recorded decision.</summary>
public sealed record DecisionResource(DateTimeOffset At, DecisionMade Made);

/// <summary>What threat rules hold against a tenant's agents now.</summary>
public sealed record ThreatList(IReadOnlyList<ThreatResource> Threats);

/// <summary>What a threat rule holds against an agent.</summary>
/// <param name="Agent">The agent.</param>
/// <param name="Rule">The rule's name.</param>
/// <param name="Effect"><c>require_approval</c>, <c>throttle</c> or <c>quarantine_agent</c>.</param>
/// <param name="Until">Until when.</param>
/// <param name="Detail">What was counted.</param>
public sealed record ThreatResource(string Agent, string Rule, string Effect, DateTimeOffset Until, string Detail);
