using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>Bundles and their versions in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresBundleStore(PostgresDatabase database) : IBundleStore
{
    private const string Select =
        """
        SELECT v.tenant, c.digest, c.files, v.version FROM bundle_versions v
        JOIN bundle_contents c ON c.tenant = v.tenant AND c.digest = v.digest
        """;

    /// <inheritdoc/>
    public ValueTask<BundleVersion> PutAsync(
        StoredBundle bundle, BundleOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        ArgumentNullException.ThrowIfNull(origin);
        var tenant = bundle.Tenant.ToString();
        return database.InTransactionAsync(
            async db =>
            {
                await LockAsync(db, tenant, cancellationToken).ConfigureAwait(false);
                var last = (int?)await db.ScalarAsync(
                    "SELECT MAX(version) FROM bundle_versions WHERE tenant = $1", cancellationToken, tenant)
                    .ConfigureAwait(false);
                var version = (last ?? 0) + 1;
                await PutContentAsync(db, bundle, cancellationToken).ConfigureAwait(false);
                await db.ExecuteAsync(
                    """
                    INSERT INTO bundle_versions (tenant, version, digest, at, principal, cause)
                    VALUES ($1, $2, $3, $4, $5, $6)
                    """,
                    cancellationToken,
                    tenant, version, bundle.Digest.ToString(), origin.At.UtcTicks, origin.Principal, origin.Cause)
                    .ConfigureAwait(false);
                await db.ExecuteAsync(
                    "DELETE FROM bundle_versions WHERE tenant = $1 AND version <= $2",
                    cancellationToken, tenant, version - IBundleStore.MaxVersions).ConfigureAwait(false);
                await DropUnusedAsync(db, tenant, cancellationToken).ConfigureAwait(false);
                return new BundleVersion(version, bundle.Digest, origin);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                $"""
                {Select} WHERE v.version = (SELECT MAX(version) FROM bundle_versions WHERE tenant = v.tenant)
                ORDER BY v.tenant
                """,
                Read,
                cancellationToken),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<BundleVersion>> HistoryAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                """
                SELECT version, digest, at, principal, cause FROM bundle_versions WHERE tenant = $1
                ORDER BY version DESC
                """,
                r => new BundleVersion(
                    r.GetInt32(0), BundleDigest.Parse(r.GetString(1)),
                    new BundleOrigin(r.Time(2), r.GetString(3), r.GetString(4))),
                cancellationToken,
                tenant.ToString()),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<StoredBundle?> FindAsync(TenantId tenant, int version, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.FirstAsync(
                $"{Select} WHERE v.tenant = $1 AND v.version = $2",
                Read, cancellationToken, tenant.ToString(), version),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<StoredBundle?> FindAsync(
        TenantId tenant, BundleDigest digest, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.FirstAsync(
                $"{Select} WHERE v.tenant = $1 AND v.digest = $2 ORDER BY v.version DESC LIMIT 1",
                Read, cancellationToken, tenant.ToString(), digest.ToString()),
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask PutShadowAsync(
        StoredBundle bundle, BundleOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        ArgumentNullException.ThrowIfNull(origin);
        await database.InTransactionAsync(
            async db =>
            {
                await LockAsync(db, bundle.Tenant.ToString(), cancellationToken).ConfigureAwait(false);
                await PutContentAsync(db, bundle, cancellationToken).ConfigureAwait(false);
                await db.ExecuteAsync(
                    """
                    INSERT INTO bundle_shadows (tenant, digest, at, principal) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (tenant) DO UPDATE
                    SET digest = excluded.digest, at = excluded.at, principal = excluded.principal
                    """,
                    cancellationToken,
                    bundle.Tenant.ToString(), bundle.Digest.ToString(), origin.At.UtcTicks, origin.Principal)
                    .ConfigureAwait(false);
                return await DropUnusedAsync(db, bundle.Tenant.ToString(), cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredShadow>> ListShadowsAsync(CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                """
                SELECT s.tenant, c.digest, c.files, 0, s.at, s.principal FROM bundle_shadows s
                JOIN bundle_contents c ON c.tenant = s.tenant AND c.digest = s.digest ORDER BY s.tenant
                """,
                r => new StoredShadow(Read(r), new BundleOrigin(r.Time(4), r.GetString(5), "shadow")),
                cancellationToken),
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask RemoveShadowAsync(TenantId tenant, CancellationToken cancellationToken) =>
        await database.InTransactionAsync(
            async db =>
            {
                await LockAsync(db, tenant.ToString(), cancellationToken).ConfigureAwait(false);
                await db.ExecuteAsync(
                    "DELETE FROM bundle_shadows WHERE tenant = $1", cancellationToken, tenant.ToString())
                    .ConfigureAwait(false);
                return await DropUnusedAsync(db, tenant.ToString(), cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);

    /// <summary>Changes of one tenant come one after the other, whichever processes make them.</summary>
    private static Task<int> LockAsync(NpgsqlConnection db, string tenant, CancellationToken cancellationToken) =>
        db.ExecuteAsync(
            "SELECT pg_advisory_xact_lock(hashtextextended('bundles ' || $1, 0))", cancellationToken, tenant);

    private static Task<int> PutContentAsync(
        NpgsqlConnection db, StoredBundle bundle, CancellationToken cancellationToken) =>
        db.ExecuteAsync(
            """
            INSERT INTO bundle_contents (tenant, digest, files) VALUES ($1, $2, $3)
            ON CONFLICT (tenant, digest) DO NOTHING
            """,
            cancellationToken,
            bundle.Tenant.ToString(), bundle.Digest.ToString(), BundleFilesJson.Write(bundle.Files));

    private static Task<int> DropUnusedAsync(NpgsqlConnection db, string tenant, CancellationToken cancellationToken) =>
        db.ExecuteAsync(
            """
            DELETE FROM bundle_contents WHERE tenant = $1
            AND digest NOT IN (SELECT digest FROM bundle_versions WHERE tenant = $1)
            AND digest NOT IN (SELECT digest FROM bundle_shadows WHERE tenant = $1)
            """,
            cancellationToken, tenant);

    private static StoredBundle Read(NpgsqlDataReader r) =>
        new(
            TenantId.Parse(r.GetString(0)),
            BundleDigest.Parse(r.GetString(1)),
            BundleFilesJson.Read(r.GetFieldValue<byte[]>(2)))
        {
            Version = r.GetInt32(3),
        };
}
