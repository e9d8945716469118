using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>
/// One PostgreSQL database, shared by any number of processes. Connections come from Npgsql's pool, which bounds
/// them; every statement has a deadline. Thread-safe. Every failure is a <see cref="RuntimeErrorException"/> with
/// AR8002.
/// </summary>
public sealed class PostgresDatabase : IAsyncDisposable
{
    private const int CommandTimeoutSeconds = 15;

    private readonly NpgsqlDataSource _source;
    private readonly PostgresClaim? _claim;
    private long? _number;
    private volatile RuntimeErrorException? _lost;

    private PostgresDatabase(NpgsqlDataSource source, PostgresClaim? claim) => (_source, _claim) = (source, claim);

    /// <summary>
    /// Connects and brings the schema up to date; processes that start together wait for one another.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8002: unreachable, or its schema is of a newer version.</exception>
    public static Task<PostgresDatabase> OpenAsync(string connectionString, CancellationToken cancellationToken) =>
        OpenAsync(connectionString, claim: false, cancellationToken);

    /// <summary>
    /// Takes the database for this process until it ends or the database is disposed of, before anything is changed in
    /// it: whoever executes runs must be the only one. Watch the claim (<see cref="WatchClaimAsync"/>). Whoever had the
    /// database before writes nothing more from then on, be it that it knows or not.
    /// </summary>
    /// <exception cref="RuntimeErrorException">
    /// AR8002: another process has it, it is unreachable, or its schema is of a newer version.
    /// </exception>
    public static Task<PostgresDatabase> ClaimAsync(string connectionString, CancellationToken cancellationToken) =>
        OpenAsync(connectionString, claim: true, cancellationToken);

    /// <summary>
    /// Looks after the claim until it is lost; then everything that is asked of this database fails, because what
    /// another process does must not be undone. It is not lost where the server was away and nobody else has claimed
    /// the database since. Call it once.
    /// </summary>
    /// <param name="every">How often to look.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RuntimeErrorException">AR8002: the claim is lost.</exception>
    public async Task WatchClaimAsync(TimeSpan every, TimeProvider time, CancellationToken cancellationToken)
    {
        var claim = _claim ?? throw new InvalidOperationException("the database was not claimed");
        try
        {
            await claim.WatchAsync(_number!.Value, every, time, cancellationToken).ConfigureAwait(false);
        }
        catch (RuntimeErrorException e)
        {
            _lost = e;
            throw;
        }
    }

    /// <summary>Closes the pool, and lets go of a claim.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_claim is not null)
            await _claim.DisposeAsync().ConfigureAwait(false);
        await _source.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Reads with statements on one connection, each on its own.</summary>
    internal async ValueTask<T> RunAsync<T>(
        Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        if (_lost is { } lost)
            throw new RuntimeErrorException(lost.Error, lost);
        try
        {
            await using var db = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            return await work(db).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresFence.Refused)
        {
            throw _lost = new RuntimeErrorException(PostgresFence.ClaimLost(), e);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Failed(e);
        }
    }

    /// <summary>
    /// Writes with one statement, durable when the task completes; how many rows it changed. It is not cancelled once
    /// it is sent: a caller that leaves in the middle of it could not know what happened.
    /// </summary>
    internal ValueTask<int> WriteAsync(string sql, CancellationToken cancellationToken, params object?[] values) =>
        RunAsync(
            async db =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_number is not { } number)
                    return await db.ExecuteAsync(sql, CancellationToken.None, values).ConfigureAwait(false);

                // Without an explicit transaction a batch is one, in one round trip.
                await using var batch = db.CreateBatch();
                batch.BatchCommands.Add(PostgresFence.Pass(number));
                batch.BatchCommands.Add(PostgresCommands.InBatch(sql, values));
                return await batch.ExecuteNonQueryAsync(CancellationToken.None).ConfigureAwait(false);
            },
            cancellationToken);

    /// <summary>
    /// Writes with statements in one transaction, durable when the task completes. The commit is not cancelled: a
    /// caller that leaves in the middle of it could not know what happened.
    /// </summary>
    internal ValueTask<T> InTransactionAsync<T>(
        Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        RunAsync(
            async db =>
            {
                await using var transaction = await db.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                if (_number is { } number)
                    await PostgresFence.PassAsync(db, number, cancellationToken).ConfigureAwait(false);
                var result = await work(db).ConfigureAwait(false);
                await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
                return result;
            },
            cancellationToken);

    /// <summary>The server's message may quote data of a tenant, so only its code is told.</summary>
    internal static RuntimeErrorException Failed(Exception cause) => new(
        new RuntimeError(
            ReasonCodes.StorageFailed,
            cause is PostgresException postgres
                ? $"The store failed: PostgreSQL error {postgres.SqlState}."
                : "The store failed: PostgreSQL cannot be reached.",
            "postgresql",
            "Check that the server runs and that the connection string is right."),
        cause);

    private static async Task<PostgresDatabase> OpenAsync(
        string connectionString, bool claim, CancellationToken cancellationToken)
    {
        NpgsqlDataSource? source = null;
        PostgresClaim? claimed = null;
        try
        {
            source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString)
            {
                CommandTimeout = CommandTimeoutSeconds,
            });
            if (claim)
                claimed = await PostgresClaim.TakeAsync(source, cancellationToken).ConfigureAwait(false);
            var database = new PostgresDatabase(source, claimed);
            database._number = await database.InTransactionAsync<long?>(
                async db =>
                {
                    await PostgresSchema.MigrateAsync(db, cancellationToken).ConfigureAwait(false);
                    return claim ? await PostgresFence.ClaimAsync(db, cancellationToken).ConfigureAwait(false) : null;
                },
                cancellationToken).ConfigureAwait(false);
            return database;
        }
        catch (Exception e)
        {
            if (claimed is not null)
                await claimed.DisposeAsync().ConfigureAwait(false);
            if (source is not null)
                await source.DisposeAsync().ConfigureAwait(false);
            throw e is ArgumentException ? Failed(e) : e;
        }
    }
}
