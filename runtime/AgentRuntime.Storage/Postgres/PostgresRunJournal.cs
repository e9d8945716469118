using System.Text.Json;
using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>Runs and their events in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresRunJournal(PostgresDatabase database, TimeProvider time) : IRunJournal
{
    /// <inheritdoc/>
    public async ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        await database.RunAsync(db => PostgresRunRows.InsertAsync(db, run, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        return database.InTransactionAsync(
            db => AppendAsync(db, run, lastSequence, events, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<RunEvent> TransitionAsync(
        RunRecord run, long lastSequence, RunEventData cause, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(cause);
        var id = PostgresRunRows.IdOf(run);
        var bytes = RunRetention.Of(JsonSerializer.Serialize(cause, WireJson.Default.RunEventData));
        return database.InTransactionAsync(
            async db =>
            {
                await PostgresRunRows.UpdateAsync(db, run, bytes, cancellationToken).ConfigureAwait(false);
                return (await AppendAsync(db, id, lastSequence, [cause], cancellationToken).ConfigureAwait(false))[0];
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.FirstAsync(
                $"{PostgresRunRows.Select} WHERE id = $1 AND tenant = $2",
                PostgresRunRows.Read, cancellationToken, run.ToString(), tenant.ToString()),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                $"""
                {PostgresRunRows.Select} WHERE id IN (
                    SELECT id FROM (
                        SELECT id, sum(bytes) OVER (ORDER BY id DESC ROWS UNBOUNDED PRECEDING) - bytes AS before
                        FROM (
                            SELECT id, octet_length(input) + coalesce(octet_length(output), 0) AS bytes
                            FROM runs WHERE tenant = $1 AND ($2::text IS NULL OR id < $2)
                            ORDER BY id DESC LIMIT $3) AS newest) AS counted
                    WHERE before < $4)
                ORDER BY id DESC
                """,
                PostgresRunRows.Read, cancellationToken,
                tenant.ToString(), before?.ToString(), JournalPage.Rows(limit), JournalPage.RunBytes),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
        RunId run, long afterSequence, int limit, CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                """
                SELECT sequence, at, data FROM (
                    SELECT sequence, at, data,
                           sum(octet_length(data)) OVER (ORDER BY sequence ROWS UNBOUNDED PRECEDING)
                               - octet_length(data) AS before
                    FROM (
                        SELECT sequence, at, data FROM run_events WHERE run = $1 AND sequence > $2
                        ORDER BY sequence LIMIT $3) AS next) AS counted
                WHERE before < $4 ORDER BY sequence
                """,
                r => new RunEvent(
                    run,
                    r.GetInt64(0),
                    r.Time(1),
                    JsonSerializer.Deserialize(r.GetString(2), WireJson.Default.RunEventData)!),
                cancellationToken, run.ToString(), afterSequence, JournalPage.Rows(limit), JournalPage.EventBytes),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<WorkIdentity>> ListUnfinishedAsync(CancellationToken cancellationToken) =>
        database.RunAsync(
            db => db.AllAsync(
                $"{PostgresRunRows.SelectIdentity} WHERE status IN (1, 2) ORDER BY id",
                RunIdentityRow.Read, cancellationToken),
            cancellationToken);

    /// <summary>A second writer of the same run loses on the primary key instead of mixing its events in.</summary>
    private async Task<IReadOnlyList<RunEvent>> AppendAsync(
        NpgsqlConnection db,
        RunId run,
        long last,
        IReadOnlyList<RunEventData> events,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var appended = events.Select((data, i) => new RunEvent(run, last + 1 + i, now, data)).ToArray();
        try
        {
            await db.ExecuteAsync(
                """
                INSERT INTO run_events (run, sequence, at, data)
                SELECT $1, sequence, $3, data FROM unnest($2::bigint[], $4::text[]) AS e (sequence, data)
                """,
                cancellationToken,
                run.ToString(),
                appended.Select(e => e.Sequence).ToArray(),
                now.UtcTicks,
                appended.Select(e => JsonSerializer.Serialize(e.Data, WireJson.Default.RunEventData)).ToArray())
                .ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new RuntimeErrorException(JournalErrors.Overtaken(run), e);
        }

        return appended;
    }
}
