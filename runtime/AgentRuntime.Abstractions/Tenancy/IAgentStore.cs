namespace AgentRuntime.Abstractions;

/// <summary>Deployed agents and the modules that they run. Thread-safe.</summary>
public interface IAgentStore
{
    /// <summary>
    /// Deploys a module under a name: a new agent, or the next version of the one of that name. Where the tenant's
    /// modules have no room, versions that were replaced go, the oldest first.
    /// </summary>
    /// <exception cref="RuntimeErrorException">
    /// AR1005: the tenant has no such project. AR6007: there is no room for one more agent or for its module.
    /// </exception>
    ValueTask<AgentRecord> DeployAsync(AgentDeployment deployment, CancellationToken cancellationToken);

    /// <summary>
    /// Takes an agent away; false when there is none. Runs of it that are under way go on, and its module counts as a
    /// version that was replaced.
    /// </summary>
    ValueTask<bool> DeleteAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken);

    /// <summary>The agent of that name in a project of the tenant; null when there is none.</summary>
    ValueTask<AgentRecord?> FindAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken);

    /// <summary>The tenant's agents, ordered by name.</summary>
    ValueTask<IReadOnlyList<AgentRecord>> ListAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>A module's bytes; null when no tenant deployed it, or it had no room any more.</summary>
    ValueTask<ReadOnlyMemory<byte>?> ReadModuleAsync(ModuleDigest digest, CancellationToken cancellationToken);
}

/// <summary>What is deployed. Immutable.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Project">The project.</param>
/// <param name="Name">The agent's name within the project: lower-case letters, digits and hyphens, 1 to 63.</param>
/// <param name="Module">The module, already compiled once and so known to be valid.</param>
public sealed record AgentDeployment(TenantId Tenant, ProjectId Project, string Name, ReadOnlyMemory<byte> Module)
{
    /// <summary>Modules that do not go, though no agent has them any more: tools are named by them.</summary>
    public IReadOnlyCollection<ModuleDigest> Pinned { get; init; } = [];
}

/// <summary>A deployed agent. Immutable.</summary>
public sealed record AgentRecord(
    AgentId Id,
    TenantId Tenant,
    ProjectId Project,
    string ProjectName,
    string Name,
    ModuleDigest Module,
    int Version,
    DateTimeOffset DeployedAt)
{
    /// <summary><c>project/agent</c>.</summary>
    public string QualifiedName => $"{ProjectName}/{Name}";
}
