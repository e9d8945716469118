namespace AgentRuntime.Abstractions;

/// <summary>
/// Answers questions about bundles, before they are applied and about what they decided. Changes nothing. Takes its
/// time and is bounded in it; only few questions are worked on at once, and of each tenant one. Thread-safe.
/// </summary>
public interface IPolicyAnalysis
{
    /// <summary>What is in force and in shadow.</summary>
    ValueTask<PolicyStatusResource> StatusAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>Validates a bundle and runs its own tests.</summary>
    ValueTask<PolicyTestResource> TestAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken);

    /// <summary>What applying a bundle would change, and for whom.</summary>
    ValueTask<PolicyPlanResource> PlanAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken);

    /// <summary>Which policies decided a call, and what would have to be true.</summary>
    /// <exception cref="RuntimeErrorException">AR1004, AR1007, AR2001, AR2017.</exception>
    ValueTask<PolicyExplanationResource> ExplainAsync(
        WorkIdentity caller, PolicyExplainBody question, CancellationToken cancellationToken);

    /// <summary>How recorded decisions would have come out under a bundle.</summary>
    ValueTask<PolicySimulationResource> SimulateAsync(
        TenantId tenant, PolicySimulateBody question, CancellationToken cancellationToken);

    /// <summary>What a bundle lets everybody reach, and what in it nobody needs.</summary>
    /// <exception cref="RuntimeErrorException">AR2001.</exception>
    ValueTask<PolicyAuditResource> AuditAsync(
        TenantId tenant, PolicyAuditBody question, CancellationToken cancellationToken);

    /// <summary>What the tenant's shadow has decided differently since it began; null when there is none.</summary>
    ValueTask<PolicySimulationResource?> ShadowAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>Recorded decisions, newest first.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="before">A page token; null for the first page.</param>
    /// <param name="limit">At most this many, up to 1,000.</param>
    /// <param name="cancellationToken">Cancels.</param>
    ValueTask<DecisionList> DecisionsAsync(
        TenantId tenant, string? before, int limit, CancellationToken cancellationToken);

    /// <summary>What threat rules hold against agents now.</summary>
    ThreatList Threats(TenantId tenant);

    /// <summary>Ends what threat rules hold against an agent. False when there was nothing.</summary>
    bool LiftThreats(WorkIdentity caller, string agent);
}
