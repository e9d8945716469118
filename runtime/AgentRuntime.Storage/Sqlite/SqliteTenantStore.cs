using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>Tenants, projects and keys in SQLite. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteTenantStore(SqliteDatabase database, TimeProvider time) : ITenantStore
{
    /// <inheritdoc/>
    public ValueTask<TenantRecord> EnsureTenantAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var made = new TenantRecord(TenantId.New(time), name, time.GetUtcNow());
        return database.WriteAsync(
            db =>
            {
                db.Execute(
                    "INSERT INTO tenants (id, name, created_at) VALUES ($id, $name, $at) ON CONFLICT (name) DO NOTHING",
                    ("$id", made.Id.ToString()), ("$name", name), ("$at", made.CreatedAt.UtcTicks));
                return db.First(
                    "SELECT id, name, created_at FROM tenants WHERE name = $name", r => TenantAt(r, 0),
                    ("$name", name))!;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<ProjectRecord> EnsureProjectAsync(
        TenantId tenant, string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var made = new ProjectRecord(ProjectId.New(time), tenant, name, time.GetUtcNow());
        var owner = tenant.ToString();
        return database.WriteAsync(
            db =>
            {
                db.Execute(
                    """
                    INSERT INTO projects (id, tenant, name, created_at) VALUES ($id, $tenant, $name, $at)
                    ON CONFLICT (tenant, name) DO NOTHING
                    """,
                    ("$id", made.Id.ToString()), ("$tenant", owner), ("$name", name), ("$at", made.CreatedAt.UtcTicks));
                return db.First(
                    "SELECT id, tenant, name, created_at FROM projects WHERE tenant = $tenant AND name = $name",
                    r => ProjectAt(r, 0),
                    ("$tenant", owner), ("$name", name))!;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AddKeyAsync(ApiKeyRecord key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        await database.WriteAsync(
            db => db.Execute(
                """
                INSERT INTO api_keys (id, tenant, project, secret_hash, created_at, revoked_at)
                VALUES ($id, $tenant, $project, $hash, $created, $revoked)
                """,
                ("$id", key.Id.ToString()),
                ("$tenant", key.Tenant.ToString()),
                ("$project", key.Project.ToString()),
                ("$hash", key.SecretHash.ToArray()),
                ("$created", key.CreatedAt.UtcTicks),
                ("$revoked", key.RevokedAt?.UtcTicks)),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<ApiKeyOwner?> FindKeyAsync(ApiKeyId id, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.First(
                """
                SELECT k.id, k.secret_hash, k.created_at, k.revoked_at,
                       t.id, t.name, t.created_at,
                       p.id, p.tenant, p.name, p.created_at
                FROM api_keys k JOIN tenants t ON t.id = k.tenant JOIN projects p ON p.id = k.project
                WHERE k.id = $id
                """,
                OwnerAt,
                ("$id", id.ToString())),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> RevokeKeyAsync(TenantId tenant, ApiKeyId id, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcTicks;
        return database.WriteAsync(
            db => db.Execute(
                """
                UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $now) WHERE id = $id AND tenant = $tenant
                """,
                ("$now", now), ("$id", id.ToString()), ("$tenant", tenant.ToString())) == 1,
            cancellationToken);
    }

    private static ApiKeyOwner OwnerAt(SqliteDataReader r)
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

    private static TenantRecord TenantAt(SqliteDataReader r, int c) =>
        new(TenantId.Parse(r.GetString(c)), r.GetString(c + 1), r.Time(c + 2));

    private static ProjectRecord ProjectAt(SqliteDataReader r, int c) =>
        new(ProjectId.Parse(r.GetString(c)), TenantId.Parse(r.GetString(c + 1)), r.GetString(c + 2), r.Time(c + 3));
}
