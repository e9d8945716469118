using System.Text.Json;
using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>Runs and their events in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresRunJournal(PostgresDatabase database, TimeProvider time) : IRunJournal
{
    /// <summary>A second writer of the same run loses on the primary key instead of mixing its events in.</summary>
    private const string Append =
        """
        INSERT INTO run_events (run, sequence, at, data)
        SELECT $1, sequence, $3, data FROM unnest($2::bigint[], $4::text[]) AS e (sequence, data)
        """;

    /// <inheritdoc/>
    public async ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        await PostgresRunRows.InsertAsync(database, run, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        if (events.Count == 0)
            return [];
        var appended = Numbered(run, lastSequence, events);
        try
        {
            await database.WriteAsync(Append, cancellationToken, Values(run, appended)).ConfigureAwait(false);
        }
        catch (RuntimeErrorException e) when (
            e.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            throw new RuntimeErrorException(JournalErrors.Overtaken(run), e);
        }

        return appended;
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
                var appended = Numbered(id, lastSequence, [cause]);
                try
                {
                    await db.ExecuteAsync(Append, cancellationToken, Values(id, appended)).ConfigureAwait(false);
                }
                catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
                {
                    throw new RuntimeErrorException(JournalErrors.Overtaken(id), e);
                }

                return appended[0];
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

    private RunEvent[] Numbered(RunId run, long last, IReadOnlyList<RunEventData> events)
    {
        var now = time.GetUtcNow();
        return [.. events.Select((data, i) => new RunEvent(run, last + 1 + i, now, data))];
    }

    private static object?[] Values(RunId run, RunEvent[] events) =>
    [
        run.ToString(),
        events.Select(e => e.Sequence).ToArray(),
        events[0].At.UtcTicks,
        events.Select(e => JsonSerializer.Serialize(e.Data, WireJson.Default.RunEventData)).ToArray(),
    ];
}
