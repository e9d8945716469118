using System.Globalization;
using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>
/// The schema as a list of steps; <c>user_version</c> says how many a file has taken. Steps are appended, never
/// changed: files of users have taken them. Each runs in one transaction with the version it leads to.
/// </summary>
internal static class SqliteSchema
{
    private static readonly string[] Steps =
    [
        """
        CREATE TABLE tenants (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE projects (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL REFERENCES tenants (id),
            name TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            UNIQUE (tenant, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE api_keys (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL REFERENCES tenants (id),
            project TEXT NOT NULL REFERENCES projects (id),
            secret_hash BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            revoked_at INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE modules (
            digest TEXT PRIMARY KEY,
            wasm BLOB NOT NULL
        ) STRICT;
        CREATE TABLE agents (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL REFERENCES tenants (id),
            project TEXT NOT NULL REFERENCES projects (id),
            name TEXT NOT NULL,
            module TEXT NOT NULL REFERENCES modules (digest),
            version INTEGER NOT NULL,
            deployed_at INTEGER NOT NULL,
            UNIQUE (project, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX agents_of_tenant ON agents (tenant, name);
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            tenant_name TEXT NOT NULL,
            project TEXT NOT NULL,
            project_name TEXT NOT NULL,
            principal TEXT NOT NULL,
            agent TEXT NOT NULL,
            agent_name TEXT NOT NULL,
            module TEXT NOT NULL,
            bundle TEXT NOT NULL,
            input TEXT NOT NULL,
            trace_parent TEXT,
            created_at INTEGER NOT NULL,
            status INTEGER NOT NULL,
            ended_at INTEGER,
            output TEXT,
            error_code INTEGER,
            error_message TEXT,
            error_where TEXT,
            error_action TEXT,
            prompt_tokens INTEGER NOT NULL,
            cached_prompt_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL,
            cost_micro_usd INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX runs_of_tenant ON runs (tenant, id DESC);
        CREATE INDEX runs_unfinished ON runs (id) WHERE status IN (1, 2);
        CREATE TABLE run_events (
            run TEXT NOT NULL REFERENCES runs (id),
            sequence INTEGER NOT NULL,
            at INTEGER NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (run, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE bundles (
            tenant TEXT PRIMARY KEY,
            digest TEXT NOT NULL,
            files TEXT NOT NULL
        ) STRICT;
        """,
        """
        CREATE TABLE bundle_contents (
            tenant TEXT NOT NULL,
            digest TEXT NOT NULL,
            files BLOB NOT NULL,
            PRIMARY KEY (tenant, digest)
        ) STRICT;
        CREATE TABLE bundle_versions (
            tenant TEXT NOT NULL,
            version INTEGER NOT NULL,
            digest TEXT NOT NULL,
            at INTEGER NOT NULL,
            principal TEXT NOT NULL,
            cause TEXT NOT NULL,
            PRIMARY KEY (tenant, version)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE bundle_shadows (
            tenant TEXT PRIMARY KEY,
            digest TEXT NOT NULL,
            at INTEGER NOT NULL,
            principal TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO bundle_contents (tenant, digest, files) SELECT tenant, digest, CAST(files AS BLOB) FROM bundles;
        INSERT INTO bundle_versions (tenant, version, digest, at, principal, cause)
            SELECT tenant, 1, digest, unixepoch() * 10000000 + 621355968000000000, 'platform', 'apply' FROM bundles;
        DROP TABLE bundles;
        CREATE TABLE audit_records (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tenant TEXT NOT NULL,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            data TEXT NOT NULL
        ) STRICT;
        CREATE INDEX audit_of_tenant ON audit_records (tenant, id);
        CREATE INDEX audit_of_kind ON audit_records (tenant, kind, id);
        """,
        """
        CREATE TABLE memory_entries (
            tenant TEXT NOT NULL,
            bucket TEXT NOT NULL,
            key BLOB NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (tenant, bucket, key)
        ) STRICT;
        CREATE TABLE memory_buckets (
            tenant TEXT NOT NULL,
            bucket TEXT NOT NULL,
            keys INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            PRIMARY KEY (tenant, bucket)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE memory_applied (
            run TEXT PRIMARY KEY,
            call INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """,

        // Of the records of a tenant that were written together: ids end at the segment's, and of those in data the
        // last so many are kept (decision 0505).
        """
        CREATE TABLE audit_segments (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tenant TEXT NOT NULL,
            records INTEGER NOT NULL,
            newest_at INTEGER NOT NULL,
            kinds TEXT NOT NULL,
            data BLOB NOT NULL
        ) STRICT;
        INSERT INTO sqlite_sequence (name, seq)
            SELECT 'audit_segments', seq FROM sqlite_sequence WHERE name = 'audit_records';
        INSERT INTO audit_segments (id, tenant, records, newest_at, kinds, data)
            SELECT id, tenant, 1, at, ' ' || kind || ' ', CAST('[[' || at || ',' || data || ']]' AS BLOB)
            FROM audit_records;
        DROP TABLE audit_records;
        CREATE INDEX segments_of_tenant ON audit_segments (tenant, id, records, newest_at, kinds);
        """,
        """
        CREATE TABLE tenant_spend (
            tenant TEXT PRIMARY KEY,
            day INTEGER NOT NULL,
            micro_usd INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """,

        // What holds by now is taken from the audit records.
        """
        CREATE TABLE threat_holds (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tenant TEXT NOT NULL,
            agent TEXT NOT NULL,
            rule TEXT NOT NULL,
            at INTEGER NOT NULL,
            until INTEGER NOT NULL,
            data TEXT NOT NULL,
            UNIQUE (tenant, agent, rule)
        ) STRICT;
        CREATE TEMP TABLE threats AS
            SELECT s.id, r.key, s.tenant, json_extract(r.value, '$[0]') AS at, json_extract(r.value, '$[1]') AS data
            FROM audit_segments s, json_each(CAST(s.data AS TEXT)) r
            WHERE instr(s.kinds, ' threat ') > 0 AND json_extract(r.value, '$[1].type') = 'threat'
                AND json_extract(r.value, '$[1].of_agent');
        INSERT OR REPLACE INTO threat_holds (tenant, agent, rule, at, until, data)
            SELECT tenant, json_extract(data, '$.agent'), json_extract(data, '$.rule'), at,
                (unixepoch(json_extract(data, '$.until')) + 1) * 10000000 + 621355968000000000, data
            FROM temp.threats WHERE json_extract(data, '$.until') IS NOT NULL ORDER BY id, key;
        DELETE FROM threat_holds WHERE EXISTS (
            SELECT 1 FROM temp.threats l
            WHERE l.tenant = threat_holds.tenant AND json_extract(l.data, '$.agent') = threat_holds.agent
                AND json_extract(l.data, '$.effect') = 'lift' AND l.at >= threat_holds.at);
        DROP TABLE temp.threats;
        """,

        // What tenants keep is bounded (decision 0507): ended runs know what they take, tenants what they deployed.
        """
        ALTER TABLE runs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
        UPDATE runs SET bytes = 512 + length(CAST(input AS BLOB)) + coalesce(length(CAST(output AS BLOB)), 0)
            + (SELECT coalesce(sum(64 + length(CAST(data AS BLOB))), 0) FROM run_events WHERE run = runs.id)
            WHERE ended_at IS NOT NULL;
        CREATE INDEX runs_ended ON runs (tenant, ended_at, bytes) WHERE ended_at IS NOT NULL;
        CREATE TABLE tenant_modules (
            tenant TEXT NOT NULL,
            digest TEXT NOT NULL REFERENCES modules (digest),
            bytes INTEGER NOT NULL,
            deployed_at INTEGER NOT NULL,
            PRIMARY KEY (tenant, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tenants_of_module ON tenant_modules (digest);
        CREATE INDEX agents_of_module ON agents (module);
        INSERT INTO tenant_modules (tenant, digest, bytes, deployed_at)
            SELECT u.tenant, m.digest, max(4096, length(m.wasm)), max(u.at)
            FROM (SELECT tenant, module, deployed_at AS at FROM agents
                  UNION ALL SELECT tenant, module, created_at FROM runs) u
            JOIN modules m ON m.digest = u.module GROUP BY u.tenant, m.digest;
        """,
    ];

    /// <summary>Takes the steps that the file has not taken.</summary>
    /// <exception cref="RuntimeErrorException">AR8002: a newer version made the file.</exception>
    public static void Migrate(SqliteConnection connection, string path)
    {
        connection.Execute("BEGIN IMMEDIATE");
        try
        {
            var taken = Convert.ToInt32(connection.Scalar("PRAGMA user_version"), CultureInfo.InvariantCulture);
            if (taken > Steps.Length)
                throw new RuntimeErrorException(new RuntimeError(
                    ReasonCodes.StorageFailed,
                    $"The store has schema version {taken}; this program knows up to {Steps.Length}.",
                    Path.GetFileName(path),
                    "Start the newer version of the program, or restore a backup made by this one."));
            foreach (var step in Steps.AsSpan(taken))
                connection.Execute(step);
            connection.Execute($"PRAGMA user_version={Steps.Length}");
            connection.Execute("COMMIT");
        }
        catch
        {
            connection.Execute("ROLLBACK");
            throw;
        }
    }
}
