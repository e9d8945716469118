using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>The mapping between <see cref="RunRecord"/> and a row of <c>runs</c>. Stateless.</summary>
internal static class SqliteRunRows
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

    public static int Insert(SqliteConnection db, RunRecord run) => db.Execute(
        """
        INSERT INTO runs (
            id, tenant, tenant_name, project, project_name, principal, agent, agent_name,
            module, bundle, input, trace_parent, created_at, status, ended_at, output,
            error_code, error_message, error_where, error_action,
            prompt_tokens, cached_prompt_tokens, output_tokens, cost_micro_usd)
        VALUES (
            $id, $tenant, $tenant_name, $project, $project_name, $principal, $agent, $agent_name,
            $module, $bundle, CAST($input AS TEXT), $trace_parent, $created_at, $status, $ended_at,
            CAST($output AS TEXT), $error_code, CAST($error_message AS TEXT), CAST($error_where AS TEXT),
            CAST($error_action AS TEXT),
            $prompt, $cached, $output_tokens, $cost)
        """,
        [
            ("$tenant", run.Identity.Tenant.ToString()),
            ("$tenant_name", run.Identity.TenantName),
            ("$project", run.Identity.Project.ToString()),
            ("$project_name", run.Identity.ProjectName),
            ("$principal", run.Identity.Principal),
            ("$agent", (
                run.Identity.Agent ?? throw new ArgumentException("a run has an agent", nameof(run))).ToString()),
            ("$agent_name", run.Identity.AgentName),
            ("$module", run.Module.ToString()),
            ("$bundle", run.Bundle.ToString()),
            ("$input", SqliteCommands.Bytes(run.Input)),
            ("$trace_parent", run.TraceParent),
            ("$created_at", run.CreatedAt.UtcTicks),
            .. Changing(run),
        ]);

    /// <summary>
    /// Updates what changes; who and what the run is stays as it was accepted, and how it ended stays as it ended.
    /// </summary>
    /// <param name="db">The writer.</param>
    /// <param name="run">The run.</param>
    /// <param name="causeBytes">What the event counts as that is still to be written.</param>
    public static void Update(SqliteConnection db, RunRecord run, long causeBytes)
    {
        var updated = db.Execute(
            """
            UPDATE runs SET
                status = $status, ended_at = $ended_at, output = CAST($output AS TEXT),
                error_code = $error_code, error_message = CAST($error_message AS TEXT),
                error_where = CAST($error_where AS TEXT), error_action = CAST($error_action AS TEXT),
                prompt_tokens = $prompt, cached_prompt_tokens = $cached, output_tokens = $output_tokens,
                cost_micro_usd = $cost,
                bytes = CASE WHEN $ended_at IS NULL THEN 0 ELSE
                    $fixed + length(CAST(input AS BLOB)) + coalesce(length($output), 0)
                    + (SELECT coalesce(sum($each + length(CAST(data AS BLOB))), 0) FROM run_events WHERE run = $id) END
            WHERE id = $id AND status IN (1, 2)
            """,
            [.. Changing(run), ("$fixed", RunRetention.RunBytes + causeBytes), ("$each", RunRetention.EventBytes)]);
        if (updated != 1)
            throw new RuntimeErrorException(JournalErrors.NotUnderWay(IdOf(run)));
    }

    public static RunRecord Read(SqliteDataReader r) =>
        new(
            RunIdentityRow.Read(r),
            ModuleDigest.Parse(r.GetString(8)),
            BundleDigest.Parse(r.GetString(9)),
            r.GetString(10),
            (RunStatus)r.GetInt32(13),
            r.Time(12))
        {
            TraceParent = r.Text(11),
            EndedAt = r.TimeOrNull(14),
            Output = r.Text(15),
            Error = r.IsDBNull(16)
                ? null
                : new RuntimeError(new ReasonCode(r.GetInt32(16)), r.GetString(17), r.Text(18), r.Text(19)),
            Usage = new InferenceUsage(new(r.GetInt64(20)), new(r.GetInt64(21)), new(r.GetInt64(22))),
            Cost = new MicroUsd(r.GetInt64(23)),
        };

    private static (string, object?)[] Changing(RunRecord run) =>
    [
        ("$id", IdOf(run).ToString()),
        ("$status", (int)run.Status),
        ("$ended_at", run.EndedAt?.UtcTicks),
        ("$output", SqliteCommands.Bytes(run.Output)),
        ("$error_code", run.Error?.Code.Number),
        ("$error_message", SqliteCommands.Bytes(run.Error?.Message)),
        ("$error_where", SqliteCommands.Bytes(run.Error?.Where)),
        ("$error_action", SqliteCommands.Bytes(run.Error?.Action)),
        ("$prompt", run.Usage.Prompt.Value),
        ("$cached", run.Usage.CachedPrompt.Value),
        ("$output_tokens", run.Usage.Output.Value),
        ("$cost", run.Cost.Value),
    ];
}
