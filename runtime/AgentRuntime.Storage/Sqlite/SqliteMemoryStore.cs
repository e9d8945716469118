using System.Globalization;
using System.Text;
using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>Tenants' buckets in SQLite. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteMemoryStore(SqliteDatabase database, StorageLimits? limits = null) : IMemoryStore
{
    /// <summary>At most so many keys go in one transaction.</summary>
    private const int ClearedAtOnce = 1_000;

    private const string Entry = "tenant = $tenant AND bucket = $bucket AND key = $key";

    private readonly StorageLimits _limits = limits ?? new();

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(
        TenantId tenant, string bucket, string key, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.Scalar(
                $"SELECT value FROM memory_entries WHERE {Entry}",
                ("$tenant", tenant.ToString()), ("$bucket", bucket), ("$key", Encoding.UTF8.GetBytes(key)))
                    is byte[] value ? new ReadOnlyMemory<byte>(value) : default(ReadOnlyMemory<byte>?),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListKeysAsync(
        TenantId tenant, string bucket, string? after, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.All(
                """
                SELECT key FROM memory_entries WHERE tenant = $tenant AND bucket = $bucket AND key > $after
                ORDER BY key LIMIT $limit
                """,
                static r => Encoding.UTF8.GetString(r.GetFieldValue<byte[]>(0)),
                ("$tenant", tenant.ToString()), ("$bucket", bucket), ("$after", Encoding.UTF8.GetBytes(after ?? "")),
                ("$limit", limit)),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MemoryOutcome> ApplyAsync(MemoryChange change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        var value = change.Value?.ToArray();
        return database.WriteAsync(db => Apply(db, change, value), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> ClearAsync(TenantId tenant, string bucket, CancellationToken cancellationToken)
    {
        (string, object?)[] named = [("$tenant", tenant.ToString()), ("$bucket", bucket)];
        var keys = await database.ReadAsync(
            db => Number(db.Scalar(
                "SELECT keys FROM memory_buckets WHERE tenant = $tenant AND bucket = $bucket", named)) ?? 0,
            cancellationToken).ConfigureAwait(false);

        // In pieces, so that others write between them, and no more than there were: agents may go on writing.
        var gone = 0L;
        while (gone < keys)
        {
            var some = await database.WriteAsync(db => ClearSome(db, named), cancellationToken).ConfigureAwait(false);
            if (some == 0)
                break;
            gone += some;
        }

        return gone > 0;
    }

    private static int ClearSome(SqliteConnection db, (string, object?)[] named)
    {
        var gone = db.All(
            $"""
            DELETE FROM memory_entries WHERE rowid IN (
                SELECT rowid FROM memory_entries WHERE tenant = $tenant AND bucket = $bucket LIMIT {ClearedAtOnce})
            RETURNING length(key) + length(value)
            """,
            static r => r.GetInt64(0),
            named);
        db.Execute(
            """
            UPDATE memory_buckets SET keys = keys - $keys, bytes = bytes - $bytes
            WHERE tenant = $tenant AND bucket = $bucket
            """,
            [.. named, ("$keys", gone.Count), ("$bytes", gone.Sum())]);
        return gone.Count;
    }

    private MemoryOutcome Apply(SqliteConnection db, MemoryChange change, byte[]? value)
    {
        var (tenant, bucket, run) = (change.Tenant.ToString(), change.Bucket.Name, change.Run.ToString());
        var key = Encoding.UTF8.GetBytes(change.Key);
        if (Number(db.Scalar("SELECT call FROM memory_applied WHERE run = $run", ("$run", run))) >= change.Call)
            return MemoryOutcome.Made;
        var rooms = db.All(
            "SELECT keys, bytes FROM memory_buckets WHERE tenant = $tenant AND bucket = $bucket",
            static r => new MemoryRoom(r.GetInt64(0), r.GetInt64(1)),
            ("$tenant", tenant), ("$bucket", bucket));
        var room = rooms.Count == 0 ? default : rooms[0];
        var old = Number(db.Scalar(
            $"SELECT length(value) FROM memory_entries WHERE {Entry}",
            ("$tenant", tenant), ("$bucket", bucket), ("$key", key)));
        var next = room.With(key.Length, old, value?.Length);
        if (!room.Allows(next, change.Bucket))
            return MemoryOutcome.Full;
        if (next.Bytes > room.Bytes)
        {
            var all = Number(db.Scalar(
                "SELECT sum(bytes) FROM memory_buckets WHERE tenant = $tenant", ("$tenant", tenant))) ?? 0;
            if (all - room.Bytes + next.Bytes > _limits.MaxMemory.Value)
                return MemoryOutcome.TenantFull;
        }

        if (value is null)
            db.Execute(
                $"DELETE FROM memory_entries WHERE {Entry}", ("$tenant", tenant), ("$bucket", bucket), ("$key", key));
        else
            db.Execute(
                """
                INSERT INTO memory_entries (tenant, bucket, key, value) VALUES ($tenant, $bucket, $key, $value)
                ON CONFLICT (tenant, bucket, key) DO UPDATE SET value = excluded.value
                """,
                ("$tenant", tenant), ("$bucket", bucket), ("$key", key), ("$value", value));
        db.Execute(
            """
            INSERT INTO memory_buckets (tenant, bucket, keys, bytes) VALUES ($tenant, $bucket, $keys, $bytes)
            ON CONFLICT (tenant, bucket) DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes
            """,
            ("$tenant", tenant), ("$bucket", bucket), ("$keys", next.Keys), ("$bytes", next.Bytes));
        db.Execute(
            """
            INSERT INTO memory_applied (run, call) VALUES ($run, $call)
            ON CONFLICT (run) DO UPDATE SET call = excluded.call
            """,
            ("$run", run), ("$call", change.Call));
        return MemoryOutcome.Made;
    }

    private static long? Number(object? value) =>
        value is null ? null : Convert.ToInt64(value, CultureInfo.InvariantCulture);
}
