namespace AgentRuntime.Abstractions;

/// <summary>
/// Whose work this is: established once, from a verified credential, and carried unchanged through every layer. It
/// chooses sandbox limits, tools, ledger, fairness queue and KV salt. A component that is handed work without one
/// refuses the work. Immutable.
/// </summary>
/// <param name="Tenant">The tenant that is charged.</param>
/// <param name="TenantName">The tenant's name as people write it (<c>acme</c>).</param>
/// <param name="Project">The project within the tenant.</param>
/// <param name="ProjectName">The project's name as people write it (<c>demo</c>).</param>
/// <param name="Principal">Who asked: <c>key:key_…</c> for an API key, later the subject of a token.</param>
public sealed record WorkIdentity(
    TenantId Tenant,
    string TenantName,
    ProjectId Project,
    string ProjectName,
    string Principal)
{
    /// <summary>The agent that does the work; null when a client calls a model directly.</summary>
    public AgentId? Agent { get; init; }

    /// <summary>The agent's qualified name, <c>project/agent</c>; null when a client calls a model directly.</summary>
    public string? AgentName { get; init; }

    /// <summary>The run that the work belongs to; null when a client calls a model directly.</summary>
    public RunId? Run { get; init; }
}
