using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>
/// The schema as a list of steps; the table <c>schema_version</c> says how many a database has taken. Steps are
/// appended, never changed. All that are missing are taken in one transaction.
/// </summary>
internal static class PostgresSchema
{
    /// <summary>Any number that nothing else locks: the processes of one database agree on it.</summary>
    private const long MigrationLock = 0x4167_5275_6e54_696d;

    private static readonly string[] Steps =
    [
        """
        CREATE TABLE tenants (
            id text PRIMARY KEY,
            name text NOT NULL UNIQUE,
            created_at bigint NOT NULL
        );
        CREATE TABLE projects (
            id text PRIMARY KEY,
            tenant text NOT NULL REFERENCES tenants (id),
            name text NOT NULL,
            created_at bigint NOT NULL,
            UNIQUE (tenant, name)
        );
        CREATE TABLE api_keys (
            id text PRIMARY KEY,
            tenant text NOT NULL REFERENCES tenants (id),
            project text NOT NULL REFERENCES projects (id),
            secret_hash bytea NOT NULL,
            created_at bigint NOT NULL,
            revoked_at bigint
        );
        CREATE TABLE modules (
            digest text PRIMARY KEY,
            wasm bytea NOT NULL
        );
        CREATE TABLE agents (
            id text PRIMARY KEY,
            tenant text NOT NULL REFERENCES tenants (id),
            project text NOT NULL REFERENCES projects (id),
            name text NOT NULL COLLATE "C",
            module text NOT NULL REFERENCES modules (digest),
            version integer NOT NULL,
            deployed_at bigint NOT NULL,
            UNIQUE (project, name)
        );
        CREATE INDEX agents_of_tenant ON agents (tenant, name);
        CREATE TABLE runs (
            id text PRIMARY KEY COLLATE "C",
            tenant text NOT NULL,
            tenant_name text NOT NULL,
            project text NOT NULL,
            project_name text NOT NULL,
            principal text NOT NULL,
            agent text NOT NULL,
            agent_name text NOT NULL,
            module text NOT NULL,
            bundle text NOT NULL,
            input bytea NOT NULL,
            trace_parent text,
            created_at bigint NOT NULL,
            status smallint NOT NULL,
            ended_at bigint,
            output bytea,
            error_code smallint,
            error_message bytea,
            error_where bytea,
            error_action bytea,
            prompt_tokens bigint NOT NULL,
            cached_prompt_tokens bigint NOT NULL,
            output_tokens bigint NOT NULL,
            cost_micro_usd bigint NOT NULL
        );
        CREATE INDEX runs_of_tenant ON runs (tenant, id DESC);
        CREATE INDEX runs_unfinished ON runs (id) WHERE status IN (1, 2);
        CREATE TABLE run_events (
            run text NOT NULL REFERENCES runs (id),
            sequence bigint NOT NULL,
            at bigint NOT NULL,
            data text NOT NULL,
            PRIMARY KEY (run, sequence)
        );
        CREATE TABLE bundles (
            tenant text PRIMARY KEY,
            digest text NOT NULL,
            files bytea NOT NULL
        );
        """,
        """
        CREATE TABLE bundle_contents (
            tenant text NOT NULL,
            digest text NOT NULL,
            files bytea NOT NULL,
            PRIMARY KEY (tenant, digest)
        );
        CREATE TABLE bundle_versions (
            tenant text NOT NULL,
            version integer NOT NULL,
            digest text NOT NULL,
            at bigint NOT NULL,
            principal text NOT NULL,
            cause text NOT NULL,
            PRIMARY KEY (tenant, version)
        );
        CREATE TABLE bundle_shadows (
            tenant text PRIMARY KEY,
            digest text NOT NULL,
            at bigint NOT NULL,
            principal text NOT NULL
        );
        INSERT INTO bundle_contents (tenant, digest, files) SELECT tenant, digest, files FROM bundles;
        INSERT INTO bundle_versions (tenant, version, digest, at, principal, cause)
            SELECT tenant, 1, digest,
                floor(extract(epoch FROM now()))::bigint * 10000000 + 621355968000000000, 'platform', 'apply'
            FROM bundles;
        DROP TABLE bundles;
        CREATE TABLE audit_records (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant text NOT NULL,
            at bigint NOT NULL,
            kind text NOT NULL,
            data bytea NOT NULL
        );
        CREATE INDEX audit_of_tenant ON audit_records (tenant, id);
        CREATE INDEX audit_of_kind ON audit_records (tenant, kind, id);
        """,
        """
        CREATE TABLE memory_entries (
            tenant text NOT NULL,
            bucket text NOT NULL,
            key bytea NOT NULL,
            value bytea NOT NULL,
            PRIMARY KEY (tenant, bucket, key)
        );
        CREATE TABLE memory_buckets (
            tenant text NOT NULL,
            bucket text NOT NULL,
            keys bigint NOT NULL,
            bytes bigint NOT NULL,
            PRIMARY KEY (tenant, bucket)
        );
        CREATE TABLE memory_applied (
            run text PRIMARY KEY,
            call integer NOT NULL
        );
        """,
        """
        CREATE TABLE tenant_spend (
            tenant text PRIMARY KEY,
            day integer NOT NULL,
            micro_usd bigint NOT NULL
        );
        """,

        // What holds by now is taken from the audit records.
        """
        CREATE TABLE threat_holds (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant text NOT NULL,
            agent text NOT NULL,
            rule text NOT NULL,
            at bigint NOT NULL,
            until bigint NOT NULL,
            data bytea NOT NULL,
            UNIQUE (tenant, agent, rule)
        );
        WITH threats AS (
            SELECT id, tenant, at, data, convert_from(data, 'UTF8')::json AS json FROM audit_records
            WHERE kind = 'threat'
        ), latest AS (
            SELECT DISTINCT ON (tenant, json ->> 'agent', json ->> 'rule') * FROM threats
            WHERE (json ->> 'of_agent')::boolean AND json ->> 'until' IS NOT NULL
            ORDER BY tenant, json ->> 'agent', json ->> 'rule', id DESC
        )
        INSERT INTO threat_holds (tenant, agent, rule, at, until, data)
            SELECT h.tenant, h.json ->> 'agent', h.json ->> 'rule', h.at,
                ceil(extract(epoch FROM (h.json ->> 'until')::timestamptz))::bigint * 10000000 + 621355968000000000,
                h.data
            FROM latest h
            WHERE NOT EXISTS (
                SELECT 1 FROM threats l
                WHERE l.tenant = h.tenant AND l.json ->> 'agent' = h.json ->> 'agent'
                    AND l.json ->> 'effect' = 'lift' AND l.id > h.id)
            ORDER BY h.id;
        """,

        // What tenants keep is bounded (decision 0507): ended runs know what they take, tenants what they deployed.
        """
        ALTER TABLE runs ADD COLUMN bytes bigint NOT NULL DEFAULT 0;
        UPDATE runs SET bytes = 512 + octet_length(input) + coalesce(octet_length(output), 0)
            + (SELECT coalesce(sum(64 + octet_length(data)), 0) FROM run_events WHERE run = runs.id)
            WHERE ended_at IS NOT NULL;
        CREATE INDEX runs_ended ON runs (tenant, ended_at) INCLUDE (bytes) WHERE ended_at IS NOT NULL;
        CREATE TABLE tenant_modules (
            tenant text NOT NULL,
            digest text NOT NULL REFERENCES modules (digest),
            bytes bigint NOT NULL,
            deployed_at bigint NOT NULL,
            PRIMARY KEY (tenant, digest)
        );
        CREATE INDEX tenants_of_module ON tenant_modules (digest);
        CREATE INDEX agents_of_module ON agents (module);
        INSERT INTO tenant_modules (tenant, digest, bytes, deployed_at)
            SELECT u.tenant, m.digest, greatest(4096, max(octet_length(m.wasm))), max(u.at)
            FROM (SELECT tenant, module, deployed_at AS at FROM agents
                  UNION ALL SELECT tenant, module, created_at FROM runs) u
            JOIN modules m ON m.digest = u.module GROUP BY u.tenant, m.digest;
        """,

        // What writes says which claim on the database it writes for (decision 0504).
        PostgresFence.Schema,
    ];

    /// <summary>Takes the steps that the database has not taken, inside the caller's transaction.</summary>
    /// <exception cref="RuntimeErrorException">AR8002: a newer version made the schema.</exception>
    public static async Task MigrateAsync(NpgsqlConnection db, CancellationToken cancellationToken)
    {
        await db.ExecuteAsync("SELECT pg_advisory_xact_lock($1)", cancellationToken, MigrationLock)
            .ConfigureAwait(false);
        await db.ExecuteAsync(
            "CREATE TABLE IF NOT EXISTS schema_version (taken integer NOT NULL)", cancellationToken)
            .ConfigureAwait(false);
        var taken = (int?)await db.ScalarAsync("SELECT taken FROM schema_version", cancellationToken)
            .ConfigureAwait(false);
        if (taken > Steps.Length)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.StorageFailed,
                $"The store has schema version {taken}; this program knows up to {Steps.Length}.",
                "postgresql",
                "Start the newer version of the program."));
        foreach (var step in Steps.Skip(taken ?? 0))
            await db.ExecuteAsync(step, cancellationToken).ConfigureAwait(false);
        await db.ExecuteAsync(
            taken is null ? "INSERT INTO schema_version VALUES ($1)" : "UPDATE schema_version SET taken = $1",
            cancellationToken,
            Steps.Length).ConfigureAwait(false);
    }
}
