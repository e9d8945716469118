using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>
/// Agents and modules in PostgreSQL; a module's bytes are kept once. Thread-safe. Failures are AR8002.
/// </summary>
public sealed class PostgresAgentStore(
    PostgresDatabase database, TimeProvider time, StorageLimits? limits = null) : IAgentStore
{
    private const string Select =
        """
        SELECT a.id, a.tenant, a.project, p.name, a.name, a.module, a.version, a.deployed_at
        FROM agents a JOIN projects p ON p.id = a.project
        """;

    private readonly StorageLimits _limits = limits ?? new();

    /// <inheritdoc/>
    public ValueTask<AgentRecord> DeployAsync(AgentDeployment deployment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentException.ThrowIfNullOrWhiteSpace(deployment.Name, nameof(deployment));
        var (tenant, project) = (deployment.Tenant.ToString(), deployment.Project.ToString());
        var module = ModuleDigest.Of(deployment.Module.Span).ToString();
        return database.InTransactionAsync(
            async db =>
            {
                // The foreign key alone would accept another tenant's project.
                if (await db.ScalarAsync(
                    "SELECT 1 FROM projects WHERE id = $1 AND tenant = $2", cancellationToken, project, tenant)
                    .ConfigureAwait(false) is null)
                    throw new RuntimeErrorException(new RuntimeError(
                        ReasonCodes.NotFound, "The tenant has no such project.", project, "Create the project first."));

                // Deployments come one after the other: none takes the room or the module away that another counts on.
                await db.ExecuteAsync(
                    "SELECT pg_advisory_xact_lock(hashtextextended('modules', 0))", cancellationToken)
                    .ConfigureAwait(false);
                await db.ExecuteAsync(
                    "INSERT INTO modules (digest, wasm) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
                    cancellationToken,
                    module, deployment.Module.ToArray()).ConfigureAwait(false);
                await db.ExecuteAsync(
                    """
                    INSERT INTO tenant_modules (tenant, digest, bytes, deployed_at) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (tenant, digest) DO UPDATE SET deployed_at = excluded.deployed_at
                    """,
                    cancellationToken,
                    tenant, module, ModuleRoom.Of(deployment.Module), time.GetUtcNow().UtcTicks).ConfigureAwait(false);
                await db.ExecuteAsync(
                    """
                    INSERT INTO agents AS a (id, tenant, project, name, module, version, deployed_at)
                    VALUES ($1, $2, $3, $4, $5, 1, $6)
                    ON CONFLICT (project, name) DO UPDATE
                    SET module = excluded.module, version = a.version + 1, deployed_at = excluded.deployed_at
                    """,
                    cancellationToken,
                    AgentId.New(time).ToString(), tenant, project, deployment.Name, module,
                    time.GetUtcNow().UtcTicks).ConfigureAwait(false);
                var agent = (await db.FirstAsync(
                    $"{Select} WHERE a.project = $1 AND a.name = $2",
                    AgentAt, cancellationToken, project, deployment.Name).ConfigureAwait(false))!;
                await MakeRoomAsync(db, agent, deployment.Pinned, cancellationToken).ConfigureAwait(false);
                return agent;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken) =>
        await database.WriteAsync(
            """
            DELETE FROM agents WHERE tenant = $1 AND name = $3
                AND project IN (SELECT id FROM projects WHERE tenant = $1 AND name = $2)
            """,
            cancellationToken, tenant.ToString(), project, name).ConfigureAwait(false) > 0;

    /// <inheritdoc/>
    public ValueTask<AgentRecord?> FindAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.FirstAsync(
                $"{Select} WHERE a.tenant = $1 AND p.tenant = $1 AND p.name = $2 AND a.name = $3",
                AgentAt, cancellationToken, tenant.ToString(), project, name),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AgentRecord>> ListAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                $"{Select} WHERE a.tenant = $1 ORDER BY a.name, p.name", AgentAt, cancellationToken, tenant.ToString()),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>?> ReadModuleAsync(ModuleDigest digest, CancellationToken cancellationToken) =>
        database.RunAsync(
            async db => await db.ScalarAsync(
                "SELECT wasm FROM modules WHERE digest = $1", cancellationToken, digest.ToString())
                .ConfigureAwait(false) is byte[] wasm ? new ReadOnlyMemory<byte>(wasm) : default(ReadOnlyMemory<byte>?),
            cancellationToken);

    private async Task MakeRoomAsync(
        NpgsqlConnection db,
        AgentRecord deployed,
        IReadOnlyCollection<ModuleDigest> pinned,
        CancellationToken cancellationToken)
    {
        var tenant = deployed.Tenant.ToString();
        var (agents, taken) = (await db.AllAsync(
            """
            SELECT (SELECT count(*) FROM agents WHERE tenant = $1), sum(bytes)::bigint
            FROM tenant_modules WHERE tenant = $1
            """,
            static r => (r.GetInt64(0), r.GetInt64(1)),
            cancellationToken, tenant).ConfigureAwait(false))[0];
        ModuleRoom.ThrowIfTooMany(agents, deployed.Version, _limits);
        if (taken <= _limits.MaxModules.Value)
            return;
        var replaced = await db.AllAsync(
            """
            SELECT digest, bytes FROM tenant_modules m WHERE tenant = $1
                AND NOT EXISTS (SELECT 1 FROM agents WHERE module = m.digest AND tenant = $1)
                AND NOT EXISTS (SELECT 1 FROM runs WHERE status IN (1, 2) AND module = m.digest)
            ORDER BY deployed_at
            """,
            static r => (r.GetString(0), r.GetInt64(1)),
            cancellationToken, tenant).ConfigureAwait(false);
        var forgotten = ModuleRoom.ToForget(taken, _limits, replaced, pinned).ToArray();
        await db.ExecuteAsync(
            "DELETE FROM tenant_modules WHERE tenant = $1 AND digest = ANY ($2)", cancellationToken, tenant, forgotten)
            .ConfigureAwait(false);
        await db.ExecuteAsync(
            """
            DELETE FROM modules m WHERE digest = ANY ($1)
                AND NOT EXISTS (SELECT 1 FROM tenant_modules WHERE digest = m.digest)
            """,
            cancellationToken, [forgotten]).ConfigureAwait(false);
    }

    private static AgentRecord AgentAt(NpgsqlDataReader r) => new(
        AgentId.Parse(r.GetString(0)),
        TenantId.Parse(r.GetString(1)),
        ProjectId.Parse(r.GetString(2)),
        r.GetString(3),
        r.GetString(4),
        ModuleDigest.Parse(r.GetString(5)),
        r.GetInt32(6),
        r.Time(7));
}
