using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>What tenants keep in PostgreSQL as a whole. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresTenantStorage(PostgresDatabase database) : ITenantStorage
{
    private static readonly string[] Deletes =
    [
        "DELETE FROM run_events WHERE run = ANY ($1)",
        "DELETE FROM memory_applied WHERE run = ANY ($1)",
        "DELETE FROM runs WHERE id = ANY ($1)",
    ];

    /// <inheritdoc/>
    public ValueTask<StorageUse> UseAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.RunAsync(
            async db =>
            {
                var name = tenant.ToString();
                var (agents, modules, ended, bytes) = (await db.AllAsync(
                    """
                    SELECT (SELECT count(*) FROM agents WHERE tenant = $1),
                           (SELECT coalesce(sum(bytes), 0)::bigint FROM tenant_modules WHERE tenant = $1),
                           count(*), coalesce(sum(bytes), 0)::bigint
                    FROM runs WHERE tenant = $1 AND ended_at IS NOT NULL
                    """,
                    static r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3)),
                    cancellationToken, name).ConfigureAwait(false))[0];
                var buckets = await db.AllAsync(
                    """
                    SELECT bucket, keys, bytes FROM memory_buckets WHERE tenant = $1 AND keys > 0
                    ORDER BY bucket COLLATE "C"
                    """,
                    static r => new BucketUse(r.GetString(0), r.GetInt64(1), new(r.GetInt64(2))),
                    cancellationToken, name).ConfigureAwait(false);
                return new StorageUse((int)agents, new(modules), buckets, ended, new(bytes));
            },
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<int> ForgetRunsAsync(
        ByteCount room, DateTimeOffset? endedBefore, CancellationToken cancellationToken)
    {
        var before = endedBefore?.UtcTicks ?? 0;
        var tenants = await database.RunAsync(
            db => db.AllAsync(
                """
                SELECT tenant, sum(bytes)::bigint FROM runs WHERE ended_at IS NOT NULL GROUP BY tenant
                HAVING sum(bytes) > $1 OR min(ended_at) < $2
                """,
                static r => (Tenant: r.GetString(0), Taken: r.GetInt64(1)),
                cancellationToken, room.Value, before),
            cancellationToken).ConfigureAwait(false);
        var forgotten = 0;
        foreach (var (tenant, taken) in tenants)
            forgotten += await ForgetAsync(tenant, taken, room.Value, before, cancellationToken).ConfigureAwait(false);
        return forgotten;
    }

    private ValueTask<int> ForgetAsync(
        string tenant, long taken, long room, long before, CancellationToken cancellationToken) =>
        database.InTransactionAsync(
            async db =>
            {
                var oldest = await db.AllAsync(
                    """
                    SELECT id, ended_at, bytes FROM runs WHERE tenant = $1 AND ended_at IS NOT NULL
                    ORDER BY ended_at LIMIT $2
                    """,
                    static r => (r.GetString(0), r.GetInt64(1), r.GetInt64(2)),
                    cancellationToken, tenant, RunRetention.MaxRuns).ConfigureAwait(false);
                var runs = RunRetention.ToForget(taken, room, before, oldest).ToArray();
                foreach (var delete in Deletes)
                    await db.ExecuteAsync(delete, cancellationToken, [runs]).ConfigureAwait(false);
                return runs.Length;
            },
            cancellationToken);
}
