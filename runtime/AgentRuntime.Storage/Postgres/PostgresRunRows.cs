using AgentRuntime.Abstractions;
using Npgsql;
using static AgentRuntime.Storage.PostgresCommands;

namespace AgentRuntime.Storage;

/// <summary>The mapping between <see cref="RunRecord"/> and a row of <c>runs</c>. Stateless.</summary>
internal static class PostgresRunRows
{
    public const string Select =
        """
        SELECT id, tenant, tenant_name, project, project_name, principal, agent, agent_name,
               module, bundle, input, trace_parent, created_at, status, ended_at, output,
               error_code, error_message, error_where, error_action,
               prompt_tokens, cached_prompt_tokens, output_tokens, cost_micro_usd
        FROM runs
        """;

    /// <summary>The columns that <see cref="Select"/> begins with.</summary>
    public const string SelectIdentity =
        "SELECT id, tenant, tenant_name, project, project_name, principal, agent, agent_name FROM runs";

    public static RunId IdOf(RunRecord run) =>
        run.Identity.Run ?? throw new ArgumentException("a run's identity names the run", nameof(run));

    public static ValueTask<int> InsertAsync(
        PostgresDatabase database, RunRecord run, CancellationToken cancellationToken) =>
        database.WriteAsync(
            """
            INSERT INTO runs (
                id, status, ended_at, output, error_code, error_message, error_where, error_action,
                prompt_tokens, cached_prompt_tokens, output_tokens, cost_micro_usd,
                tenant, tenant_name, project, project_name, principal, agent, agent_name,
                module, bundle, input, trace_parent, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                    $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
            """,
            cancellationToken,
            [
                .. Changing(run),
                run.Identity.Tenant.ToString(),
                run.Identity.TenantName,
                run.Identity.Project.ToString(),
                run.Identity.ProjectName,
                run.Identity.Principal,
                (run.Identity.Agent ?? throw new ArgumentException("a run has an agent", nameof(run))).ToString(),
                run.Identity.AgentName,
                run.Module.ToString(),
                run.Bundle.ToString(),
                Bytes(run.Input),
                run.TraceParent,
                run.CreatedAt.UtcTicks,
            ]);

    /// <summary>
    /// Updates what changes; who and what the run is stays as it was accepted, and how it ended stays as it ended.
    /// </summary>
    /// <param name="db">The connection.</param>
    /// <param name="run">The run.</param>
    /// <param name="causeBytes">What the event counts as that is still to be written.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task UpdateAsync(
        NpgsqlConnection db, RunRecord run, long causeBytes, CancellationToken cancellationToken)
    {
        var updated = await db.ExecuteAsync(
            """
            UPDATE runs SET
                status = $2, ended_at = $3, output = $4,
                error_code = $5, error_message = $6, error_where = $7, error_action = $8,
                prompt_tokens = $9, cached_prompt_tokens = $10, output_tokens = $11, cost_micro_usd = $12,
                bytes = CASE WHEN $3::bigint IS NULL THEN 0 ELSE
                    $13 + octet_length(input) + coalesce(octet_length($4::bytea), 0)
                    + (SELECT coalesce(sum($14 + octet_length(data)), 0) FROM run_events WHERE run = $1) END
            WHERE id = $1 AND status IN (1, 2)
            """,
            cancellationToken,
            [.. Changing(run), RunRetention.RunBytes + causeBytes, (long)RunRetention.EventBytes])
            .ConfigureAwait(false);
        if (updated != 1)
            throw new RuntimeErrorException(JournalErrors.NotUnderWay(IdOf(run)));
    }

    public static RunRecord Read(NpgsqlDataReader r) =>
        new(
            RunIdentityRow.Read(r),
            ModuleDigest.Parse(r.GetString(8)),
            BundleDigest.Parse(r.GetString(9)),
            r.TextOfBytes(10)!,
            (RunStatus)r.GetInt16(13),
            r.Time(12))
        {
            TraceParent = r.Text(11),
            EndedAt = r.TimeOrNull(14),
            Output = r.TextOfBytes(15),
            Error = r.IsDBNull(16)
                ? null
                : new RuntimeError(
                    new ReasonCode(r.GetInt16(16)), r.TextOfBytes(17)!, r.TextOfBytes(18), r.TextOfBytes(19)),
            Usage = new InferenceUsage(new(r.GetInt64(20)), new(r.GetInt64(21)), new(r.GetInt64(22))),
            Cost = new MicroUsd(r.GetInt64(23)),
        };

    private static object?[] Changing(RunRecord run) =>
    [
        IdOf(run).ToString(),
        (short)run.Status,
        run.EndedAt?.UtcTicks,
        Bytes(run.Output),
        (short?)run.Error?.Code.Number,
        Bytes(run.Error?.Message),
        Bytes(run.Error?.Where),
        Bytes(run.Error?.Action),
        run.Usage.Prompt.Value,
        run.Usage.CachedPrompt.Value,
        run.Usage.Output.Value,
        run.Cost.Value,
    ];
}
