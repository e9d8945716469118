using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>
/// Audit records in SQLite, those that are written together in segments. Thread-safe. Failures are AR8002.
/// </summary>
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
        var segments = AuditSegment.Of(entries);
        await database.WriteAsync(
            db =>
            {
                Insert(db, segments);
                foreach (var entry in entries)
                    if (entry.Data is ThreatFound { OfAgent: true } found)
                        SqliteThreatHolds.Apply(db, entry.Tenant, entry.At, found);
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
        return database.ReadAsync<IReadOnlyList<AuditRecord>>(db => Read(db, tenant, query), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AuditRecord>> ReadHoldsAsync(TenantId tenant, CancellationToken cancellationToken) =>
        database.ReadAsync(db => SqliteThreatHolds.Read(db, tenant), cancellationToken);

    private static void Insert(SqliteConnection db, IReadOnlyList<AuditSegment> segments)
    {
        var id = (long)(db.Scalar("SELECT seq FROM sqlite_sequence WHERE name = 'audit_segments'") ?? 0L);
        db.ExecuteEach(
            """
            INSERT INTO audit_segments (id, tenant, records, newest_at, kinds, data)
            VALUES ($id, $tenant, $records, $newest, $kinds, $data)
            """,
            ["$id", "$tenant", "$records", "$newest", "$kinds", "$data"],
            segments.Select(s => (object?[])
            [
                id += s.Records, s.Tenant.ToString(), s.Records, s.NewestAt.UtcTicks, s.Kinds, s.Data,
            ]));
    }

    private static List<AuditRecord> Read(SqliteConnection db, TenantId tenant, AuditQuery query)
    {
        var limit = Math.Clamp(query.Limit, 1, AuditQuery.MaxLimit);
        var newestFirst = query.After is null;
        var records = new List<AuditRecord>();
        foreach (var segment in db.Each(
            $"""
            SELECT id, records, data FROM audit_segments WHERE tenant = $tenant
            {(query.Kind is null ? "" : "AND instr(kinds, $kind) > 0")}
            {(query.Since is null ? "" : "AND newest_at >= $since")}
            {(query.After is null ? "" : "AND id > $after")}
            {(query.Before is null ? "" : $"AND id < $before + {AuditSegment.MaxRecords}")}
            ORDER BY id {(newestFirst ? "DESC" : "ASC")}
            """,
            r => AuditSegment.Read(r.GetInt64(0), r.GetInt32(1), r.GetFieldValue<byte[]>(2), query),
            ("$tenant", tenant.ToString()),
            ("$kind", query.Kind is { } kind ? AuditSegment.Mark(kind) : null),
            ("$since", query.Since?.UtcTicks),
            ("$after", query.After),
            ("$before", query.Before)))
        {
            if (newestFirst)
                segment.Reverse();
            records.AddRange(segment.Take(limit - records.Count));
            if (records.Count == limit)
                break;
        }

        return records;
    }

    /// <summary>Lets the oldest records go: whole segments, and the first records of the one that is left.</summary>
    private int Forget(SqliteConnection db, TenantId tenant, long keep)
    {
        var name = ("$tenant", (object?)tenant.ToString());
        var excess = _retention.Excess(tenant, keep) ?? _retention.Counted(
            tenant,
            (long)(db.Scalar("SELECT sum(records) FROM audit_segments WHERE tenant = $tenant", name) ?? 0L),
            keep);
        if (excess == 0)
            return 0;

        // Each has a record at least, so that the first so many are enough to look at.
        var gone = 0L;
        foreach (var (id, records) in db.All(
            "SELECT id, records FROM audit_segments WHERE tenant = $tenant ORDER BY id LIMIT $excess",
            r => (Id: r.GetInt64(0), Records: r.GetInt64(1)),
            name, ("$excess", excess)))
        {
            var left = Math.Max(0, records - (excess - gone));
            gone += records - left;
            if (left == 0)
                db.Execute("DELETE FROM audit_segments WHERE id = $id", ("$id", id));
            else
                db.Execute(
                    "UPDATE audit_segments SET records = $left WHERE id = $id", ("$id", id), ("$left", left));
            if (gone == excess)
                break;
        }

        return (int)gone;
    }
}
