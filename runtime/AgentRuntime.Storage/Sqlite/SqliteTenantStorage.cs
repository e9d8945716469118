using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>What tenants keep in SQLite as a whole. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteTenantStorage(SqliteDatabase database) : ITenantStorage
{
    /// <inheritdoc/>
    public ValueTask<StorageUse> UseAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.ReadAsync(db => Use(db, ("$tenant", tenant.ToString())), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<int> ForgetRunsAsync(
        ByteCount room, DateTimeOffset? endedBefore, CancellationToken cancellationToken)
    {
        var before = endedBefore?.UtcTicks ?? 0;
        var tenants = await database.ReadAsync(
            db => db.All(
                """
                SELECT tenant, sum(bytes) FROM runs WHERE ended_at IS NOT NULL GROUP BY tenant
                HAVING sum(bytes) > $room OR min(ended_at) < $before
                """,
                static r => (Tenant: r.GetString(0), Taken: r.GetInt64(1)),
                ("$room", room.Value), ("$before", before)),
            cancellationToken).ConfigureAwait(false);
        var forgotten = 0;
        foreach (var (tenant, taken) in tenants)
        {
            var runs = await database.ReadAsync(
                db => RunRetention.ToForget(taken, room.Value, before, Oldest(db, tenant)), cancellationToken)
                .ConfigureAwait(false);
            forgotten += await database.WriteAsync(db => Forget(db, runs), cancellationToken).ConfigureAwait(false);
        }

        return forgotten;
    }

    private static StorageUse Use(SqliteConnection db, (string, object?) tenant)
    {
        var (ended, bytes) = db.All(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM runs WHERE tenant = $tenant AND ended_at IS NOT NULL",
            static r => (r.GetInt64(0), r.GetInt64(1)),
            tenant)[0];
        return new StorageUse(
            (int)(long)db.Scalar("SELECT count(*) FROM agents WHERE tenant = $tenant", tenant)!,
            new((long)db.Scalar(
                "SELECT coalesce(sum(bytes), 0) FROM tenant_modules WHERE tenant = $tenant", tenant)!),
            db.All(
                "SELECT bucket, keys, bytes FROM memory_buckets WHERE tenant = $tenant AND keys > 0 ORDER BY bucket",
                static r => new BucketUse(r.GetString(0), r.GetInt64(1), new(r.GetInt64(2))),
                tenant),
            ended,
            new(bytes));
    }

    private static IReadOnlyList<(string Id, long EndedAt, long Bytes)> Oldest(SqliteConnection db, string tenant) =>
        db.All(
            """
            SELECT id, ended_at, bytes FROM runs WHERE tenant = $tenant AND ended_at IS NOT NULL
            ORDER BY ended_at LIMIT $most
            """,
            static r => (r.GetString(0), r.GetInt64(1), r.GetInt64(2)),
            ("$tenant", tenant), ("$most", RunRetention.MaxRuns));

    private static int Forget(SqliteConnection db, IReadOnlyList<string> runs)
    {
        foreach (var run in runs)
        {
            var id = ("$run", (object?)run);
            db.Execute("DELETE FROM run_events WHERE run = $run", id);
            db.Execute("DELETE FROM memory_applied WHERE run = $run", id);
            db.Execute("DELETE FROM runs WHERE id = $run", id);
        }

        return runs.Count;
    }
}
