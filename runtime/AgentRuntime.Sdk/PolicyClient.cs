using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>
/// A tenant's policy: what is in force, what would change, why something was decided. Answers to questions about a
/// bundle carry its <see cref="PolicyAnswer.Problems"/> when it is not valid. Thread-safe.
/// </summary>
public sealed class PolicyClient
{
    private readonly ControlApi _api;

    internal PolicyClient(ControlApi api) => _api = api;

    /// <summary>What is in force and in shadow.</summary>
    public Task<PolicyStatusResource> GetAsync(CancellationToken cancellationToken) =>
        _api.GetAsync("v1/policy", WireJson.Default.PolicyStatusResource, cancellationToken);

    /// <summary>Says everything that is wrong with a bundle, and changes nothing.</summary>
    public Task<PolicyBundleResource> ValidateAsync(
        IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        _api.PutPolicyAsync(new PolicyBundleBody(files), dryRun: true, cancellationToken);

    /// <summary>Puts a bundle in force; its problems come back when it is not valid.</summary>
    public Task<PolicyBundleResource> ApplyAsync(
        IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        _api.PutPolicyAsync(new PolicyBundleBody(files), dryRun: false, cancellationToken);

    /// <summary>The tenant's versions, newest first: the first one is in force.</summary>
    public async Task<IReadOnlyList<BundleVersionResource>> HistoryAsync(CancellationToken cancellationToken) =>
        (await _api.GetAsync("v1/policy/history", WireJson.Default.BundleVersionList, cancellationToken)).Versions;

    /// <summary>Puts an earlier version's bundle in force again.</summary>
    /// <param name="version">The version; null for the newest with another content.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RuntimeErrorException">AR2011: no such version is kept.</exception>
    public Task<PolicyBundleResource> RollbackAsync(int? version, CancellationToken cancellationToken) =>
        _api.AskAsync(
            HttpMethod.Post,
            "v1/policy/rollback",
            new PolicyRollbackBody(version),
            WireJson.Default.PolicyRollbackBody,
            WireJson.Default.PolicyBundleResource,
            cancellationToken);

    /// <summary>Validates a bundle and runs its own tests.</summary>
    public Task<PolicyTestResource> TestAsync(
        IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        _api.AskAsync(
            HttpMethod.Post,
            "v1/policy/test",
            new PolicyBundleBody(files),
            WireJson.Default.PolicyBundleBody,
            WireJson.Default.PolicyTestResource,
            cancellationToken);

    /// <summary>What applying a bundle would change, and for whom.</summary>
    public Task<PolicyPlanResource> PlanAsync(
        IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        _api.AskAsync(
            HttpMethod.Post,
            "v1/policy/plan",
            new PolicyBundleBody(files),
            WireJson.Default.PolicyBundleBody,
            WireJson.Default.PolicyPlanResource,
            cancellationToken);

    /// <summary>Which policies decided a call, and what would have to be true.</summary>
    /// <exception cref="RuntimeErrorException">AR1004, AR1007, AR2001, AR2017.</exception>
    public Task<PolicyExplanationResource> ExplainAsync(
        PolicyExplainBody question, CancellationToken cancellationToken) =>
        _api.AskAsync(
            HttpMethod.Post,
            "v1/policy/explain",
            question,
            WireJson.Default.PolicyExplainBody,
            WireJson.Default.PolicyExplanationResource,
            cancellationToken);

    /// <summary>How recorded decisions would have come out under a bundle.</summary>
    public Task<PolicySimulationResource> SimulateAsync(
        PolicySimulateBody question, CancellationToken cancellationToken) =>
        _api.AskAsync(
            HttpMethod.Post,
            "v1/policy/simulate",
            question,
            WireJson.Default.PolicySimulateBody,
            WireJson.Default.PolicySimulationResource,
            cancellationToken);

    /// <summary>What a bundle lets everybody reach, and what in it nobody needs.</summary>
    public Task<PolicyAuditResource> AuditAsync(PolicyAuditBody question, CancellationToken cancellationToken) =>
        _api.AskAsync(
            HttpMethod.Post,
            "v1/policy/audit",
            question,
            WireJson.Default.PolicyAuditBody,
            WireJson.Default.PolicyAuditResource,
            cancellationToken);

    /// <summary>Lets a bundle decide beside the one in force without enforcing it.</summary>
    public Task<PolicyBundleResource> BeginShadowAsync(
        IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        _api.AskAsync(
            HttpMethod.Put,
            "v1/policy/shadow",
            new PolicyBundleBody(files),
            WireJson.Default.PolicyBundleBody,
            WireJson.Default.PolicyBundleResource,
            cancellationToken);

    /// <summary>What the shadow has decided differently since it began.</summary>
    /// <exception cref="RuntimeErrorException">AR2011: there is none.</exception>
    public Task<PolicySimulationResource> ShadowAsync(CancellationToken cancellationToken) =>
        _api.GetAsync("v1/policy/shadow", WireJson.Default.PolicySimulationResource, cancellationToken);

    /// <summary>Ends the shadow.</summary>
    /// <exception cref="RuntimeErrorException">AR2011: there is none.</exception>
    public Task EndShadowAsync(CancellationToken cancellationToken) =>
        _api.DeleteAsync("v1/policy/shadow", cancellationToken);

    /// <summary>A page of recorded decisions, newest first.</summary>
    public Task<DecisionList> DecisionsAsync(string? pageToken, int pageSize, CancellationToken cancellationToken) =>
        _api.GetAsync(
            FormattableString.Invariant($"v1/policy/decisions?page_size={pageSize}")
                + (pageToken is null ? "" : $"&page_token={Uri.EscapeDataString(pageToken)}"),
            WireJson.Default.DecisionList,
            cancellationToken);

    /// <summary>What threat rules hold against agents now.</summary>
    public async Task<IReadOnlyList<ThreatResource>> ThreatsAsync(CancellationToken cancellationToken) =>
        (await _api.GetAsync("v1/policy/threats", WireJson.Default.ThreatList, cancellationToken)).Threats;

    /// <summary>Ends what threat rules hold against an agent.</summary>
    /// <param name="agent"><c>project/agent</c>.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RuntimeErrorException">AR1006: nothing holds against it.</exception>
    public Task LiftAsync(string agent, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(agent);
        var (project, name) = AgentPath.Split(agent);
        return _api.DeleteAsync($"v1/policy/threats/{project}/{name}", cancellationToken);
    }
}
