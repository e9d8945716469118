using System.Text.Json;
using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>Audit records in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresAuditStore(PostgresDatabase database) : IAuditStore
{
    private readonly AuditRetention _retention = new();

    /// <inheritdoc/>
    public async ValueTask AppendAsync(
        IReadOnlyList<AuditEntry> entries, long maxPerTenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxPerTenant, 1);
        await database.InTransactionAsync(
            async db =>
            {
                foreach (var entry in entries)
                {
                    await db.ExecuteAsync(
                        "INSERT INTO audit_records (tenant, at, kind, data) VALUES ($1, $2, $3, $4)",
                        cancellationToken,
                        entry.Tenant.ToString(),
                        entry.At.UtcTicks,
                        entry.Data.Kind,
                        JsonSerializer.SerializeToUtf8Bytes(entry.Data, WireJson.Default.AuditData))
                        .ConfigureAwait(false);
                    if (entry.Data is ThreatFound { OfAgent: true } found)
                        await PostgresThreatHolds.ApplyAsync(db, entry.Tenant, entry.At, found, cancellationToken)
                            .ConfigureAwait(false);
                }

                return true;
            },
            cancellationToken).ConfigureAwait(false);

        // Noted once they are written: a write that fails and is tried again must not count twice.
        foreach (var tenant in _retention.Note(entries, maxPerTenant))
            await AuditRetention.TryAsync(
                () => database.InTransactionAsync(
                    db => ForgetAsync(db, tenant, maxPerTenant, CancellationToken.None), CancellationToken.None))
                .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AuditRecord>> ReadAsync(
        TenantId tenant, AuditQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return database.RunAsync(
            db => db.AllAsync(
                $"""
                SELECT id, at, data FROM audit_records WHERE tenant = $1
                AND ($2::text IS NULL OR kind = $2) AND ($3::bigint IS NULL OR at >= $3)
                AND ($4::bigint IS NULL OR id > $4) AND ($5::bigint IS NULL OR id < $5)
                ORDER BY id {(query.After is null ? "DESC" : "ASC")} LIMIT $6
                """,
                r => new AuditRecord(
                    r.GetInt64(0), r.Time(1),
                    JsonSerializer.Deserialize(r.GetFieldValue<byte[]>(2), WireJson.Default.AuditData)!),
                cancellationToken,
                tenant.ToString(),
                query.Kind,
                query.Since?.UtcTicks,
                query.After,
                query.Before,
                Math.Clamp(query.Limit, 1, AuditQuery.MaxLimit)),
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AuditRecord>> ReadHoldsAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.RunAsync(db => PostgresThreatHolds.ReadAsync(db, tenant, cancellationToken), cancellationToken);

    private async Task<int> ForgetAsync(
        NpgsqlConnection db, TenantId tenant, long keep, CancellationToken cancellationToken)
    {
        var name = tenant.ToString();
        var excess = _retention.Excess(tenant, keep) ?? _retention.Counted(
            tenant,
            (long)(await db.ScalarAsync(
                "SELECT count(*) FROM audit_records WHERE tenant = $1", cancellationToken, name)
                .ConfigureAwait(false))!,
            keep);
        return excess == 0 ? 0 : await db.ExecuteAsync(
            """
            DELETE FROM audit_records WHERE tenant = $1 AND id <=
            (SELECT id FROM audit_records WHERE tenant = $1 ORDER BY id LIMIT 1 OFFSET $2)
            """,
            cancellationToken, name, excess - 1).ConfigureAwait(false);
    }
}
