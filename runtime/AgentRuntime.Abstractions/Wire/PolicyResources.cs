using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// What an analysis of a bundle answers. When <see cref="Problems"/> is not empty the bundle is not valid (HTTP 422),
/// and the rest is empty.
/// </summary>
public abstract record PolicyAnswer
{
    /// <summary>What is wrong with the bundle that was sent; null or empty when nothing is.</summary>
    public IReadOnlyList<ErrorResource>? Problems { get; init; }
}

/// <summary>What is in force for a tenant: <c>GET /v1/policy</c>.</summary>
/// <param name="InForce">The version in force; null when the tenant has no bundle.</param>
/// <param name="Shadow">The bundle in shadow; null when there is none.</param>
public sealed record PolicyStatusResource(BundleVersionResource? InForce = null, BundleVersionResource? Shadow = null);

/// <summary>One version of a bundle.</summary>
/// <param name="Version">Its number; 0 for a shadow.</param>
/// <param name="Bundle">Its content address.</param>
/// <param name="At">When it was made.</param>
/// <param name="Principal">By whom.</param>
/// <param name="Cause">Why: <c>apply</c>, <c>rollback to 3</c>, <c>shadow</c>.</param>
public sealed record BundleVersionResource(
    int Version, string Bundle, DateTimeOffset At, string Principal, string Cause)
{
    /// <summary>The wire form of a version.</summary>
    public static BundleVersionResource From(BundleVersion version) =>
        new(
            version.Version,
            version.Digest.ToString(),
            version.Origin.At,
            version.Origin.Principal,
            version.Origin.Cause);
}

/// <summary>A tenant's versions, newest first.</summary>
public sealed record BundleVersionList(IReadOnlyList<BundleVersionResource> Versions);

/// <summary>Body of <c>POST /v1/policy/rollback</c>.</summary>
/// <param name="Version">The version to go back to; null for the newest with another content.</param>
public sealed record PolicyRollbackBody(int? Version = null);

/// <summary>What became of a bundle's own tests.</summary>
public sealed record PolicyTestResource(int Passed, int Failed, IReadOnlyList<PolicyTestResult> Tests) : PolicyAnswer;

/// <summary>One test.</summary>
/// <param name="Name">The sentence that says what is tested.</param>
/// <param name="Where">File and line.</param>
/// <param name="Failure">What came instead; null when it passed.</param>
public sealed record PolicyTestResult(string Name, string Where, string? Failure = null);

/// <summary>What would change if a bundle took the place of another.</summary>
/// <param name="After">The bundle to come.</param>
/// <param name="Changes">What is written differently.</param>
/// <param name="Decisions">Who is decided about differently, with an example each.</param>
/// <param name="Affected">The agents and clients that are decided about differently.</param>
/// <param name="Before">The bundle in force; null when there is none.</param>
public sealed record PolicyPlanResource(
    string After,
    IReadOnlyList<PolicyChangeResource> Changes,
    IReadOnlyList<DecisionChangeResource> Decisions,
    IReadOnlyList<string> Affected,
    string? Before = null) : PolicyAnswer;

/// <summary>One thing that is written differently.</summary>
public sealed record PolicyChangeResource(string Subject, string What, string? Before = null, string? After = null);

/// <summary>A call that is decided differently.</summary>
/// <param name="Caller">An agent, or the project of a client.</param>
/// <param name="Action"><c>call_tool</c>, <c>use_model</c>, <c>read_memory</c> or <c>write_memory</c>.</param>
/// <param name="Resource">The tool's, model's or bucket's name.</param>
/// <param name="Before">As it is decided.</param>
/// <param name="After">As it would be.</param>
/// <param name="Wider">The change lets more through.</param>
/// <param name="Example">Arguments and history of such a call; empty for a model.</param>
public sealed record DecisionChangeResource(
    string Caller, string Action, string Resource, string Before, string After, bool Wider, string Example);

/// <summary>
/// Body of <c>POST /v1/policy/explain</c>: either <see cref="Run"/> and <see cref="Call"/> of a decision that was made,
/// or a request that might be.
/// </summary>
public sealed record PolicyExplainBody
{
    /// <summary>The run.</summary>
    public string? Run { get; init; }

    /// <summary>The number of the call within the run, as its events show it.</summary>
    public int? Call { get; init; }

    /// <summary>The agent, as <c>project/agent</c>.</summary>
    public string? Agent { get; init; }

    /// <summary>The project whose client asks, when no agent does.</summary>
    public string? Client { get; init; }

    /// <summary>The tool that is called.</summary>
    public string? Tool { get; init; }

    /// <summary>The model that is asked, when no tool is called.</summary>
    public string? Model { get; init; }

    /// <summary>The memory that is used, when neither a tool is called nor a model asked.</summary>
    public PolicyMemoryBody? Memory { get; init; }

    /// <summary>The tool's arguments; null for none.</summary>
    public JsonElement? Arguments { get; init; }

    /// <summary>When; null for now.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>What the run did before, in order; null for nothing.</summary>
    public IReadOnlyList<PolicyEventBody>? History { get; init; }

    /// <summary>The bundle to ask; null for the one in force.</summary>
    [JsonConverter(typeof(BundleFilesConverter))]
    public IReadOnlyDictionary<string, string>? Files { get; init; }
}

/// <summary>A use of memory: either <see cref="Read"/> or <see cref="Write"/>.</summary>
public sealed record PolicyMemoryBody
{
    /// <summary>The bucket that is read.</summary>
    public string? Read { get; init; }

    /// <summary>The bucket that is changed.</summary>
    public string? Write { get; init; }

    /// <summary>The key; null for listing keys.</summary>
    public string? Key { get; init; }
}

/// <summary>Something that a run did before.</summary>
public sealed record PolicyEventBody
{
    /// <summary>The tool that was called.</summary>
    public string? Tool { get; init; }

    /// <summary>The model that was asked, when no tool was called.</summary>
    public string? Model { get; init; }

    /// <summary>The memory that was used, when neither.</summary>
    public PolicyMemoryBody? Memory { get; init; }

    /// <summary>The tool's arguments; null for none.</summary>
    public JsonElement? Arguments { get; init; }

    /// <summary>Seconds before the request.</summary>
    public double AgoSeconds { get; init; }

    /// <summary>
    /// <c>succeeded</c> (when null), <c>failed</c>, <c>not_sent</c>, <c>in_flight</c>, <c>denied</c>, or
    /// <c>approved</c> when a person agreed to it and nothing was called.
    /// </summary>
    public string? Outcome { get; init; }
}

/// <summary>A decision with every policy that could have had a say in it.</summary>
/// <param name="Caller">An agent, or the project of a client.</param>
/// <param name="Resource">The tool's or model's name.</param>
/// <param name="Verdict">The decision.</param>
/// <param name="Policies">The policies whose heads fit: those that decided first.</param>
/// <param name="Bundle">The bundle that decided.</param>
/// <param name="Reason">Why not; null when allowed.</param>
/// <param name="Errors">Policies that failed to evaluate.</param>
/// <param name="History">What of the given history could not have happened; null when all could.</param>
/// <param name="Recorded">What was decided then; null for a request that was never made.</param>
public sealed record PolicyExplanationResource(
    string Caller,
    string Resource,
    string Verdict,
    IReadOnlyList<PolicyFindingResource> Policies,
    string? Bundle = null,
    ErrorResource? Reason = null,
    IReadOnlyList<string>? Errors = null,
    string? History = null,
    string? Recorded = null) : PolicyAnswer;

/// <summary>One policy and the call.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Effect"><c>permit</c> or <c>forbid</c>.</param>
/// <param name="Where">File, line and column.</param>
/// <param name="Text">Its source as Cedar.</param>
/// <param name="Truth"><c>holds</c>, <c>does_not_hold</c> or <c>fails</c>.</param>
/// <param name="Decided">It is among those that determined the decision.</param>
/// <param name="Unmet">What would have to be true besides for it to hold; or what failed.</param>
public sealed record PolicyFindingResource(
    string Id, string Effect, string Where, string Text, string Truth, bool Decided, IReadOnlyList<string> Unmet);
