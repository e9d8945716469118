using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>Bundles and their versions in SQLite. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteBundleStore(SqliteDatabase database) : IBundleStore
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
        var files = BundleFilesJson.Write(bundle.Files);
        return database.WriteAsync(
            db =>
            {
                var last = db.Scalar(
                    "SELECT MAX(version) FROM bundle_versions WHERE tenant = $tenant", ("$tenant", tenant));
                var version = last is null ? 1 : Convert.ToInt32(last, CultureInfo.InvariantCulture) + 1;
                PutContent(db, tenant, bundle.Digest, files);
                db.Execute(
                    """
                    INSERT INTO bundle_versions (tenant, version, digest, at, principal, cause)
                    VALUES ($tenant, $version, $digest, $at, $principal, $cause)
                    """,
                    ("$tenant", tenant),
                    ("$version", version),
                    ("$digest", bundle.Digest.ToString()),
                    ("$at", origin.At.UtcTicks),
                    ("$principal", origin.Principal),
                    ("$cause", origin.Cause));
                db.Execute(
                    "DELETE FROM bundle_versions WHERE tenant = $tenant AND version <= $oldest",
                    ("$tenant", tenant), ("$oldest", version - IBundleStore.MaxVersions));
                DropUnused(db, tenant);
                return new BundleVersion(version, bundle.Digest, origin);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.All(
                $"""
                {Select} WHERE v.version = (SELECT MAX(version) FROM bundle_versions WHERE tenant = v.tenant)
                ORDER BY v.tenant
                """,
                Read),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<BundleVersion>> HistoryAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.All(
                """
                SELECT version, digest, at, principal, cause FROM bundle_versions WHERE tenant = $tenant
                ORDER BY version DESC
                """,
                r => new BundleVersion(
                    r.GetInt32(0), BundleDigest.Parse(r.GetString(1)),
                    new BundleOrigin(r.Time(2), r.GetString(3), r.GetString(4))),
                ("$tenant", tenant.ToString())),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<StoredBundle?> FindAsync(TenantId tenant, int version, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.First(
                $"{Select} WHERE v.tenant = $tenant AND v.version = $version",
                Read,
                ("$tenant", tenant.ToString()), ("$version", version)),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<StoredBundle?> FindAsync(
        TenantId tenant, BundleDigest digest, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.First(
                $"{Select} WHERE v.tenant = $tenant AND v.digest = $digest ORDER BY v.version DESC LIMIT 1",
                Read,
                ("$tenant", tenant.ToString()), ("$digest", digest.ToString())),
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask PutShadowAsync(
        StoredBundle bundle, BundleOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        ArgumentNullException.ThrowIfNull(origin);
        var tenant = bundle.Tenant.ToString();
        var files = BundleFilesJson.Write(bundle.Files);
        await database.WriteAsync(
            db =>
            {
                PutContent(db, tenant, bundle.Digest, files);
                db.Execute(
                    """
                    INSERT INTO bundle_shadows (tenant, digest, at, principal) VALUES ($tenant, $digest, $at, $by)
                    ON CONFLICT (tenant) DO UPDATE
                    SET digest = excluded.digest, at = excluded.at, principal = excluded.principal
                    """,
                    ("$tenant", tenant),
                    ("$digest", bundle.Digest.ToString()),
                    ("$at", origin.At.UtcTicks),
                    ("$by", origin.Principal));
                DropUnused(db, tenant);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredShadow>> ListShadowsAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.All(
                """
                SELECT s.tenant, c.digest, c.files, 0, s.at, s.principal FROM bundle_shadows s
                JOIN bundle_contents c ON c.tenant = s.tenant AND c.digest = s.digest ORDER BY s.tenant
                """,
                r => new StoredShadow(Read(r), new BundleOrigin(r.Time(4), r.GetString(5), "shadow"))),
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask RemoveShadowAsync(TenantId tenant, CancellationToken cancellationToken) =>
        await database.WriteAsync(
            db =>
            {
                db.Execute("DELETE FROM bundle_shadows WHERE tenant = $tenant", ("$tenant", tenant.ToString()));
                DropUnused(db, tenant.ToString());
                return true;
            },
            cancellationToken).ConfigureAwait(false);

    private static void PutContent(SqliteConnection db, string tenant, BundleDigest digest, byte[] files) =>
        db.Execute(
            """
            INSERT INTO bundle_contents (tenant, digest, files) VALUES ($tenant, $digest, $files)
            ON CONFLICT (tenant, digest) DO NOTHING
            """,
            ("$tenant", tenant), ("$digest", digest.ToString()), ("$files", files));

    private static void DropUnused(SqliteConnection db, string tenant) =>
        db.Execute(
            """
            DELETE FROM bundle_contents WHERE tenant = $tenant
            AND digest NOT IN (SELECT digest FROM bundle_versions WHERE tenant = $tenant)
            AND digest NOT IN (SELECT digest FROM bundle_shadows WHERE tenant = $tenant)
            """,
            ("$tenant", tenant));

    private static StoredBundle Read(SqliteDataReader r) =>
        new(
            TenantId.Parse(r.GetString(0)),
            BundleDigest.Parse(r.GetString(1)),
            BundleFilesJson.Read(r.GetFieldValue<byte[]>(2)))
        {
            Version = r.GetInt32(3),
        };
}

/// <summary>The kept form of a bundle's files: an object of text by path.</summary>
[JsonSerializable(typeof(Dictionary<string, string>), TypeInfoPropertyName = "Files")]
internal sealed partial class BundleFilesJson : JsonSerializerContext
{
    public static byte[] Write(IReadOnlyDictionary<string, string> files) =>
        JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string>(files), Default.Files);

    public static Dictionary<string, string> Read(byte[] json) => JsonSerializer.Deserialize(json, Default.Files)!;
}
