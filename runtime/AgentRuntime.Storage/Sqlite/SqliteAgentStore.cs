using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>Agents and modules in SQLite; a module's bytes are kept once. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteAgentStore(
    SqliteDatabase database, TimeProvider time, StorageLimits? limits = null) : IAgentStore
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
        var module = ModuleDigest.Of(deployment.Module.Span).ToString();
        var wasm = deployment.Module.ToArray();
        var (id, now) = (AgentId.New(time), time.GetUtcNow());
        return database.WriteAsync(db => Deploy(db, deployment, id, module, wasm, now), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken) =>
        database.WriteAsync(
            db => db.Execute(
                """
                DELETE FROM agents WHERE tenant = $tenant AND name = $name
                    AND project IN (SELECT id FROM projects WHERE tenant = $tenant AND name = $project)
                """,
                ("$tenant", tenant.ToString()), ("$project", project), ("$name", name)) > 0,
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<AgentRecord?> FindAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.First(
                $"{Select} WHERE a.tenant = $tenant AND p.tenant = $tenant AND p.name = $project AND a.name = $name",
                AgentAt,
                ("$tenant", tenant.ToString()), ("$project", project), ("$name", name)),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AgentRecord>> ListAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.All(
                $"{Select} WHERE a.tenant = $tenant ORDER BY a.name, p.name", AgentAt, ("$tenant", tenant.ToString())),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>?> ReadModuleAsync(ModuleDigest digest, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.Scalar("SELECT wasm FROM modules WHERE digest = $digest", ("$digest", digest.ToString()))
                is byte[] wasm ? new ReadOnlyMemory<byte>(wasm) : default(ReadOnlyMemory<byte>?),
            cancellationToken);

    private AgentRecord Deploy(
        SqliteConnection db, AgentDeployment deployment, AgentId id, string module, byte[] wasm, DateTimeOffset now)
    {
        var (tenant, project) = (deployment.Tenant.ToString(), deployment.Project.ToString());

        // The foreign key alone would accept another tenant's project.
        if (db.Scalar(
            "SELECT 1 FROM projects WHERE id = $id AND tenant = $tenant", ("$id", project),
            ("$tenant", tenant)) is null)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.NotFound, "The tenant has no such project.", project, "Create the project first."));
        db.Execute(
            "INSERT INTO modules (digest, wasm) VALUES ($digest, $wasm) ON CONFLICT (digest) DO NOTHING",
            ("$digest", module), ("$wasm", wasm));
        db.Execute(
            """
            INSERT INTO tenant_modules (tenant, digest, bytes, deployed_at) VALUES ($tenant, $digest, $bytes, $now)
            ON CONFLICT (tenant, digest) DO UPDATE SET deployed_at = excluded.deployed_at
            """,
            ("$tenant", tenant), ("$digest", module), ("$bytes", ModuleRoom.Of(wasm)), ("$now", now.UtcTicks));
        db.Execute(
            """
            INSERT INTO agents (id, tenant, project, name, module, version, deployed_at)
            VALUES ($id, $tenant, $project, $name, $module, 1, $now)
            ON CONFLICT (project, name) DO UPDATE
            SET module = excluded.module, version = version + 1, deployed_at = excluded.deployed_at
            """,
            ("$id", id.ToString()), ("$tenant", tenant), ("$project", project),
            ("$name", deployment.Name), ("$module", module), ("$now", now.UtcTicks));
        var agent = db.First(
            $"{Select} WHERE a.project = $project AND a.name = $name",
            AgentAt,
            ("$project", project), ("$name", deployment.Name))!;
        MakeRoom(db, agent, deployment.Pinned);
        return agent;
    }

    private void MakeRoom(SqliteConnection db, AgentRecord deployed, IReadOnlyCollection<ModuleDigest> pinned)
    {
        var tenant = ("$tenant", (object?)deployed.Tenant.ToString());
        ModuleRoom.ThrowIfTooMany(
            (long)db.Scalar("SELECT count(*) FROM agents WHERE tenant = $tenant", tenant)!, deployed.Version, _limits);
        var taken = (long)db.Scalar("SELECT sum(bytes) FROM tenant_modules WHERE tenant = $tenant", tenant)!;
        if (taken <= _limits.MaxModules.Value)
            return;
        var replaced = db.All(
            """
            SELECT digest, bytes FROM tenant_modules m WHERE tenant = $tenant
                AND NOT EXISTS (SELECT 1 FROM agents WHERE module = m.digest AND tenant = $tenant)
                AND NOT EXISTS (SELECT 1 FROM runs WHERE status IN (1, 2) AND module = m.digest)
            ORDER BY deployed_at
            """,
            static r => (r.GetString(0), r.GetInt64(1)),
            tenant);
        foreach (var digest in ModuleRoom.ToForget(taken, _limits, replaced, pinned))
        {
            var module = ("$digest", (object?)digest);
            db.Execute("DELETE FROM tenant_modules WHERE tenant = $tenant AND digest = $digest", tenant, module);
            db.Execute(
                """
                DELETE FROM modules WHERE digest = $digest
                    AND NOT EXISTS (SELECT 1 FROM tenant_modules WHERE digest = $digest)
                """,
                module);
        }
    }

    private static AgentRecord AgentAt(SqliteDataReader r) => new(
        AgentId.Parse(r.GetString(0)),
        TenantId.Parse(r.GetString(1)),
        ProjectId.Parse(r.GetString(2)),
        r.GetString(3),
        r.GetString(4),
        ModuleDigest.Parse(r.GetString(5)),
        r.GetInt32(6),
        r.Time(7));
}
