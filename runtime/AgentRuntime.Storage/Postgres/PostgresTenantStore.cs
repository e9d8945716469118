using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>Tenants, projects and keys in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresTenantStore(PostgresDatabase database, TimeProvider time) : ITenantStore
{
    /// <inheritdoc/>
    public ValueTask<TenantRecord> EnsureTenantAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return database.InTransactionAsync(
            async db =>
            {
                // Read after the insert: another process may have made it in between.
                await db.ExecuteAsync(
                    "INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
                    cancellationToken,
                    TenantId.New(time).ToString(), name, time.GetUtcNow().UtcTicks).ConfigureAwait(false);
                return (await db.FirstAsync(
                    "SELECT id, name, created_at FROM tenants WHERE name = $1",
                    r => TenantAt(r, 0), cancellationToken, name).ConfigureAwait(false))!;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<ProjectRecord> EnsureProjectAsync(
        TenantId tenant, string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return database.InTransactionAsync(
            async db =>
            {
                await db.ExecuteAsync(
                    """
                    INSERT INTO projects (id, tenant, name, created_at) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (tenant, name) DO NOTHING
                    """,
                    cancellationToken,
                    ProjectId.New(time).ToString(), tenant.ToString(), name, time.GetUtcNow().UtcTicks)
                    .ConfigureAwait(false);
                return (await db.FirstAsync(
                    "SELECT id, tenant, name, created_at FROM projects WHERE tenant = $1 AND name = $2",
                    r => ProjectAt(r, 0), cancellationToken, tenant.ToString(), name).ConfigureAwait(false))!;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AddKeyAsync(ApiKeyRecord key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        await database.WriteAsync(
            """
            INSERT INTO api_keys (id, tenant, project, secret_hash, created_at, revoked_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            cancellationToken,
            key.Id.ToString(), key.Tenant.ToString(), key.Project.ToString(), key.SecretHash.ToArray(),
            key.CreatedAt.UtcTicks, key.RevokedAt?.UtcTicks).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<ApiKeyOwner?> FindKeyAsync(ApiKeyId id, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.FirstAsync(
                """
                SELECT k.id, k.secret_hash, k.created_at, k.revoked_at,
                       t.id, t.name, t.created_at,
                       p.id, p.tenant, p.name, p.created_at
                FROM api_keys k JOIN tenants t ON t.id = k.tenant JOIN projects p ON p.id = k.project
                WHERE k.id = $1
                """,
                OwnerAt,
                cancellationToken,
                id.ToString()),
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> RevokeKeyAsync(TenantId tenant, ApiKeyId id, CancellationToken cancellationToken) =>
        await database.WriteAsync(
            "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $1) WHERE id = $2 AND tenant = $3",
            cancellationToken,
            time.GetUtcNow().UtcTicks, id.ToString(), tenant.ToString()).ConfigureAwait(false) == 1;

    private static ApiKeyOwner OwnerAt(NpgsqlDataReader r)
    {
        var tenant = TenantAt(r, 4);
        var project = ProjectAt(r, 7);
        var key = new ApiKeyRecord(
            ApiKeyId.Parse(r.GetString(0)),
            tenant.Id,
            project.Id,
            r.GetFieldValue<byte[]>(1),
            r.Time(2),
            r.TimeOrNull(3));
        return new ApiKeyOwner(key, tenant, project);
    }

    private static TenantRecord TenantAt(NpgsqlDataReader r, int c) =>
        new(TenantId.Parse(r.GetString(c)), r.GetString(c + 1), r.Time(c + 2));

    private static ProjectRecord ProjectAt(NpgsqlDataReader r, int c) =>
        new(ProjectId.Parse(r.GetString(c)), TenantId.Parse(r.GetString(c + 1)), r.GetString(c + 2), r.Time(c + 3));
}
