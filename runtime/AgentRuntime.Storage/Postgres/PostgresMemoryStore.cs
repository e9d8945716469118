using System.Globalization;
using System.Text;
using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>Tenants' buckets in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresMemoryStore(PostgresDatabase database, StorageLimits? limits = null) : IMemoryStore
{
    private readonly StorageLimits _limits = limits ?? new();

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(
        TenantId tenant, string bucket, string key, CancellationToken cancellationToken) =>
        database.RunAsync(
            async db => await db.ScalarAsync(
                "SELECT value FROM memory_entries WHERE tenant = $1 AND bucket = $2 AND key = $3",
                cancellationToken,
                tenant.ToString(), bucket, Encoding.UTF8.GetBytes(key)).ConfigureAwait(false)
                    is byte[] value ? new ReadOnlyMemory<byte>(value) : default(ReadOnlyMemory<byte>?),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListKeysAsync(
        TenantId tenant, string bucket, string? after, int limit, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                """
                SELECT key FROM memory_entries WHERE tenant = $1 AND bucket = $2 AND key > $3 ORDER BY key LIMIT $4
                """,
                static r => Encoding.UTF8.GetString(r.GetFieldValue<byte[]>(0)),
                cancellationToken,
                tenant.ToString(), bucket, Encoding.UTF8.GetBytes(after ?? ""), limit),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MemoryOutcome> ApplyAsync(MemoryChange change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        return database.InTransactionAsync(db => ApplyAsync(db, change, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<bool> ClearAsync(TenantId tenant, string bucket, CancellationToken cancellationToken) =>
        database.InTransactionAsync(
            async db =>
            {
                // The bucket's row is the lock; what waits for it finds it empty.
                var had = await db.ExecuteAsync(
                    "UPDATE memory_buckets SET keys = 0, bytes = 0 WHERE tenant = $1 AND bucket = $2 AND keys > 0",
                    cancellationToken, tenant.ToString(), bucket).ConfigureAwait(false) > 0;
                await db.ExecuteAsync(
                    "DELETE FROM memory_entries WHERE tenant = $1 AND bucket = $2",
                    cancellationToken, tenant.ToString(), bucket).ConfigureAwait(false);
                return had;
            },
            cancellationToken);

    private async Task<MemoryOutcome> ApplyAsync(
        NpgsqlConnection db, MemoryChange change, CancellationToken cancellationToken)
    {
        var (tenant, bucket, run) = (change.Tenant.ToString(), change.Bucket.Name, change.Run.ToString());
        var key = Encoding.UTF8.GetBytes(change.Key);
        await db.ExecuteAsync(
            "INSERT INTO memory_buckets (tenant, bucket, keys, bytes) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING",
            cancellationToken, tenant, bucket).ConfigureAwait(false);

        // The bucket's row is the lock: changes of one bucket come one after the other, so that its totals are true.
        var room = (await db.AllAsync(
            "SELECT keys, bytes FROM memory_buckets WHERE tenant = $1 AND bucket = $2 FOR UPDATE",
            static r => new MemoryRoom(r.GetInt64(0), r.GetInt64(1)),
            cancellationToken, tenant, bucket).ConfigureAwait(false))[0];
        if (await NumberAsync("SELECT call FROM memory_applied WHERE run = $1", run).ConfigureAwait(false)
            >= change.Call)
            return MemoryOutcome.Made;
        var old = await NumberAsync(
            "SELECT length(value) FROM memory_entries WHERE tenant = $1 AND bucket = $2 AND key = $3",
            tenant, bucket, key).ConfigureAwait(false);
        var next = room.With(key.Length, old, change.Value?.Length);
        if (!room.Allows(next, change.Bucket))
            return MemoryOutcome.Full;

        // What others change in other buckets at this moment is not seen: less than a value for each of them.
        if (next.Bytes > room.Bytes && next.Bytes - room.Bytes + await NumberAsync(
            "SELECT sum(bytes) FROM memory_buckets WHERE tenant = $1", tenant).ConfigureAwait(false)
                > _limits.MaxMemory.Value)
            return MemoryOutcome.TenantFull;
        if (change.Value is { } value)
            await db.ExecuteAsync(
                """
                INSERT INTO memory_entries (tenant, bucket, key, value) VALUES ($1, $2, $3, $4)
                ON CONFLICT (tenant, bucket, key) DO UPDATE SET value = excluded.value
                """,
                cancellationToken, tenant, bucket, key, value.ToArray()).ConfigureAwait(false);
        else
            await db.ExecuteAsync(
                "DELETE FROM memory_entries WHERE tenant = $1 AND bucket = $2 AND key = $3",
                cancellationToken, tenant, bucket, key).ConfigureAwait(false);
        await db.ExecuteAsync(
            "UPDATE memory_buckets SET keys = $3, bytes = $4 WHERE tenant = $1 AND bucket = $2",
            cancellationToken, tenant, bucket, next.Keys, next.Bytes).ConfigureAwait(false);
        await db.ExecuteAsync(
            """
            INSERT INTO memory_applied (run, call) VALUES ($1, $2)
            ON CONFLICT (run) DO UPDATE SET call = excluded.call
            """,
            cancellationToken, run, change.Call).ConfigureAwait(false);
        return MemoryOutcome.Made;

        async Task<long?> NumberAsync(string sql, params object?[] values) =>
            await db.ScalarAsync(sql, cancellationToken, values).ConfigureAwait(false) is { } number
                ? Convert.ToInt64(number, CultureInfo.InvariantCulture)
                : null;
    }
}
