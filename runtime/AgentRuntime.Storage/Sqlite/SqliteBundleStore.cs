using System.Text.Json;
using System.Text.Json.Serialization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>The bundles in force in SQLite. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteBundleStore(SqliteDatabase database) : IBundleStore
{
    /// <inheritdoc/>
    public async ValueTask PutAsync(
        TenantId tenant,
        BundleDigest digest,
        IReadOnlyDictionary<string, string> files,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        var json = JsonSerializer.Serialize(new Dictionary<string, string>(files), BundleFilesJson.Default.Files);
        await database.WriteAsync(
            db => db.Execute(
                """
                INSERT INTO bundles (tenant, digest, files) VALUES ($tenant, $digest, $files)
                ON CONFLICT (tenant) DO UPDATE SET digest = excluded.digest, files = excluded.files
                """,
                ("$tenant", tenant.ToString()), ("$digest", digest.ToString()), ("$files", json)),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.All(
                "SELECT tenant, digest, files FROM bundles ORDER BY tenant",
                r => new StoredBundle(
                    TenantId.Parse(r.GetString(0)),
                    BundleDigest.Parse(r.GetString(1)),
                    JsonSerializer.Deserialize(r.GetString(2), BundleFilesJson.Default.Files)!)),
            cancellationToken);
}

/// <summary>The kept form of a bundle's files: an object of text by path.</summary>
[JsonSerializable(typeof(Dictionary<string, string>), TypeInfoPropertyName = "Files")]
internal sealed partial class BundleFilesJson : JsonSerializerContext;
