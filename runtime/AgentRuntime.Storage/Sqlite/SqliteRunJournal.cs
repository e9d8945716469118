using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>Runs and their events in SQLite. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteRunJournal(SqliteDatabase database, TimeProvider time) : IRunJournal
{
    /// <summary><c>SQLITE_CONSTRAINT_PRIMARYKEY</c>.</summary>
    private const int PrimaryKeyTaken = 1555;

    /// <inheritdoc/>
    public async ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        await database.WriteAsync(db => SqliteRunRows.Insert(db, run), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        var now = time.GetUtcNow();
        return database.WriteAsync<IReadOnlyList<RunEvent>>(
            db => Append(db, run, lastSequence, events, now), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<RunEvent> TransitionAsync(
        RunRecord run, long lastSequence, RunEventData cause, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(cause);
        var now = time.GetUtcNow();
        var id = SqliteRunRows.IdOf(run);
        var bytes = RunRetention.Of(JsonSerializer.Serialize(cause, WireJson.Default.RunEventData));
        return database.WriteAsync(
            db =>
            {
                SqliteRunRows.Update(db, run, bytes);
                return Append(db, id, lastSequence, [cause], now)[0];
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.First(
                $"{SqliteRunRows.Select} WHERE id = $id AND tenant = $tenant",
                SqliteRunRows.Read,
                ("$id", run.ToString()), ("$tenant", tenant.ToString())),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => JournalPage.Of(
                db.Each(
                    $"""
                    {SqliteRunRows.Select} WHERE tenant = $tenant AND ($before IS NULL OR id < $before)
                    ORDER BY id DESC LIMIT $limit
                    """,
                    SqliteRunRows.Read,
                    ("$tenant", tenant.ToString()),
                    ("$before", before?.ToString()),
                    ("$limit", JournalPage.Rows(limit))),
                run => run.Input.Length + (run.Output?.Length ?? 0),
                JournalPage.RunBytes),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
        RunId run, long afterSequence, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => Events(db, run, afterSequence, limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<WorkIdentity>> ListUnfinishedAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(
            db => db.All(
                $"{SqliteRunRows.SelectIdentity} WHERE status IN (1, 2) ORDER BY id", RunIdentityRow.Read),
            cancellationToken);

    private static IReadOnlyList<RunEvent> Events(SqliteConnection db, RunId run, long afterSequence, int limit) =>
    [
        .. JournalPage.Of(
            db.Each(
                """
                SELECT sequence, at, data FROM run_events WHERE run = $run AND sequence > $after
                ORDER BY sequence LIMIT $limit
                """,
                r => (Sequence: r.GetInt64(0), At: r.Time(1), Data: r.GetString(2)),
                ("$run", run.ToString()), ("$after", afterSequence), ("$limit", JournalPage.Rows(limit))),
            static e => e.Data.Length,
            JournalPage.EventBytes)
            .Select(e => new RunEvent(
                run, e.Sequence, e.At, JsonSerializer.Deserialize(e.Data, WireJson.Default.RunEventData)!)),
    ];

    /// <summary>A second writer of the same run loses on the primary key instead of mixing its events in.</summary>
    private static RunEvent[] Append(
        SqliteConnection db, RunId run, long last, IReadOnlyList<RunEventData> events, DateTimeOffset now)
    {
        var key = run.ToString();
        var appended = new RunEvent[events.Count];
        try
        {
            for (var i = 0; i < events.Count; i++)
            {
                appended[i] = new RunEvent(run, last + 1 + i, now, events[i]);
                db.Execute(
                    "INSERT INTO run_events (run, sequence, at, data) VALUES ($run, $sequence, $at, $data)",
                    ("$run", key),
                    ("$sequence", appended[i].Sequence),
                    ("$at", now.UtcTicks),
                    ("$data", JsonSerializer.Serialize(events[i], WireJson.Default.RunEventData)));
            }
        }
        catch (SqliteException e) when (e.SqliteExtendedErrorCode == PrimaryKeyTaken)
        {
            throw new RuntimeErrorException(JournalErrors.Overtaken(run), e);
        }

        return appended;
    }
}
