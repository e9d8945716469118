using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>What threat rules hold against agents, beside the audit records that say so. Stateless.</summary>
internal static class SqliteThreatHolds
{
    /// <summary>Brings it up to date with a record, in the transaction that keeps the record.</summary>
    public static void Apply(SqliteConnection db, TenantId tenant, DateTimeOffset at, ThreatFound found)
    {
        var (owner, now) = (tenant.ToString(), at.UtcTicks);
        db.Execute(
            "DELETE FROM threat_holds WHERE tenant = $tenant AND until <= $now", ("$tenant", owner), ("$now", now));
        if (found.Until is { } until)
            db.Execute(
                """
                INSERT OR REPLACE INTO threat_holds (tenant, agent, rule, at, until, data)
                VALUES ($tenant, $agent, $rule, $at, $until, $data)
                """,
                ("$tenant", owner),
                ("$agent", found.Agent),
                ("$rule", found.Rule),
                ("$at", now),
                ("$until", until.UtcTicks),
                ("$data", JsonSerializer.Serialize<AuditData>(found, WireJson.Default.AuditData)));
        else
            db.Execute(
                "DELETE FROM threat_holds WHERE tenant = $tenant AND agent = $agent",
                ("$tenant", owner), ("$agent", found.Agent));
    }

    public static IReadOnlyList<AuditRecord> Read(SqliteConnection db, TenantId tenant) => db.All(
        "SELECT id, at, data FROM threat_holds WHERE tenant = $tenant ORDER BY id",
        r => new AuditRecord(
            r.GetInt64(0), r.Time(1), JsonSerializer.Deserialize(r.GetString(2), WireJson.Default.AuditData)!),
        ("$tenant", tenant.ToString()));
}
