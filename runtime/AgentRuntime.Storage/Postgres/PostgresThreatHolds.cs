using System.Text.Json;
using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>What threat rules hold against agents, beside the audit records that say so. Stateless.</summary>
internal static class PostgresThreatHolds
{
    /// <summary>Brings it up to date with a record, in the transaction that keeps the record.</summary>
    public static async Task ApplyAsync(
        NpgsqlConnection db, TenantId tenant, DateTimeOffset at, ThreatFound found, CancellationToken cancellationToken)
    {
        var (owner, now) = (tenant.ToString(), at.UtcTicks);

        // In place of the same rule's and with a new id; of all that the agent has when it was lifted.
        await db.ExecuteAsync(
            """
            DELETE FROM threat_holds
            WHERE tenant = $1 AND (until <= $2 OR agent = $3 AND ($4::bigint IS NULL OR rule = $5))
            """,
            cancellationToken,
            owner, now, found.Agent, found.Until?.UtcTicks, found.Rule).ConfigureAwait(false);
        if (found.Until is { } until)
            await db.ExecuteAsync(
                """
                INSERT INTO threat_holds (tenant, agent, rule, at, until, data) VALUES ($1, $2, $3, $4, $5, $6)
                """,
                cancellationToken,
                owner, found.Agent, found.Rule, now, until.UtcTicks,
                JsonSerializer.SerializeToUtf8Bytes<AuditData>(found, WireJson.Default.AuditData))
                .ConfigureAwait(false);
    }

    public static Task<IReadOnlyList<AuditRecord>> ReadAsync(
        NpgsqlConnection db, TenantId tenant, CancellationToken cancellationToken) => db.AllAsync(
            "SELECT id, at, data FROM threat_holds WHERE tenant = $1 ORDER BY id",
            r => new AuditRecord(
                r.GetInt64(0), r.Time(1),
                JsonSerializer.Deserialize(r.GetFieldValue<byte[]>(2), WireJson.Default.AuditData)!),
            cancellationToken,
            tenant.ToString());
}
