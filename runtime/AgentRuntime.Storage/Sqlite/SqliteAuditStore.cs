using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>Audit records in SQLite. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteAuditStore(SqliteDatabase database) : IAuditStore
{
    private readonly AuditRetention _retention = new();

    /// <inheritdoc/>
    public async ValueTask AppendAsync(
        IReadOnlyList<AuditEntry> entries, long maxPerTenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxPerTenant, 1);

        // Serialized before the writer is held, which everybody waits for.
        var rows = new List<object?[]>(entries.Count);
        foreach (var entry in entries)
        {
            rows.Add(
            [
                entry.Tenant.ToString(),
                entry.At.UtcTicks,
                entry.Data.Kind,
                JsonSerializer.Serialize(entry.Data, WireJson.Default.AuditData),
            ]);
        }

        await database.WriteAsync(
            db =>
            {
                db.ExecuteEach(
                    "INSERT INTO audit_records (tenant, at, kind, data) VALUES ($tenant, $at, $kind, $data)",
                    ["$tenant", "$at", "$kind", "$data"],
                    rows);
                return true;
            },
            cancellationToken).ConfigureAwait(false);

        // Noted once they are written: a write that fails and is tried again must not count twice.
        foreach (var tenant in _retention.Note(entries, maxPerTenant))
            await AuditRetention.TryAsync(
                () => database.WriteAsync(db => Forget(db, tenant, maxPerTenant), CancellationToken.None))
                .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AuditRecord>> ReadAsync(
        TenantId tenant, AuditQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return database.ReadAsync(
            db => db.All(
                $"""
                SELECT id, at, data FROM audit_records WHERE tenant = $tenant
                {(query.Kind is null ? "" : "AND kind = $kind")}
                {(query.Since is null ? "" : "AND at >= $since")}
                {(query.After is null ? "" : "AND id > $after")}
                {(query.Before is null ? "" : "AND id < $before")}
                ORDER BY id {(query.After is null ? "DESC" : "ASC")} LIMIT $limit
                """,
                r => new AuditRecord(
                    r.GetInt64(0), r.Time(1),
                    JsonSerializer.Deserialize(r.GetString(2), WireJson.Default.AuditData)!),
                ("$tenant", tenant.ToString()),
                ("$kind", query.Kind),
                ("$since", query.Since?.UtcTicks),
                ("$after", query.After),
                ("$before", query.Before),
                ("$limit", Math.Clamp(query.Limit, 1, AuditQuery.MaxLimit))),
            cancellationToken);
    }

    private int Forget(SqliteConnection db, TenantId tenant, long keep)
    {
        var name = ("$tenant", (object?)tenant.ToString());
        var excess = _retention.Excess(tenant, keep) ?? _retention.Counted(
            tenant, (long)db.Scalar("SELECT count(*) FROM audit_records WHERE tenant = $tenant", name)!, keep);
        return excess == 0 ? 0 : db.Execute(
            """
            DELETE FROM audit_records WHERE tenant = $tenant AND id <=
            (SELECT id FROM audit_records WHERE tenant = $tenant ORDER BY id LIMIT 1 OFFSET $excess - 1)
            """,
            name, ("$excess", excess));
    }
}
