using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>The bundles in force in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresBundleStore(PostgresDatabase database) : IBundleStore
{
    /// <inheritdoc/>
    public async ValueTask PutAsync(
        TenantId tenant,
        BundleDigest digest,
        IReadOnlyDictionary<string, string> files,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        var json = JsonSerializer.SerializeToUtf8Bytes(
            new Dictionary<string, string>(files), BundleFilesJson.Default.Files);
        await database.RunAsync(
            db => db.ExecuteAsync(
                """
                INSERT INTO bundles (tenant, digest, files) VALUES ($1, $2, $3)
                ON CONFLICT (tenant) DO UPDATE SET digest = excluded.digest, files = excluded.files
                """,
                cancellationToken,
                tenant.ToString(), digest.ToString(), json),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                "SELECT tenant, digest, files FROM bundles ORDER BY tenant",
                r => new StoredBundle(
                    TenantId.Parse(r.GetString(0)),
                    BundleDigest.Parse(r.GetString(1)),
                    JsonSerializer.Deserialize(r.GetFieldValue<byte[]>(2), BundleFilesJson.Default.Files)!),
                cancellationToken),
            cancellationToken);
}
