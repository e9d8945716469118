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

    /// <summary>Any number that is ours: "AgentRun" in ASCII.</summary>
    private const long ClaimKey = 0x4167656E7452756E;

    private readonly NpgsqlDataSource _source;
    private NpgsqlConnection? _claim;

    private PostgresDatabase(NpgsqlDataSource source) => _source = source;

    /// <summary>
    /// Connects and brings the schema up to date; processes that start together wait for one another.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8002: unreachable, or its schema is of a newer version.</exception>
    public static async Task<PostgresDatabase> OpenAsync(string connectionString, CancellationToken cancellationToken)
    {
        NpgsqlDataSource? source = null;
        try
        {
            source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString)
            {
                CommandTimeout = CommandTimeoutSeconds,
            });
            var database = new PostgresDatabase(source);
            await database.InTransactionAsync(
                async db =>
                {
                    await PostgresSchema.MigrateAsync(db, cancellationToken).ConfigureAwait(false);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
            return database;
        }
        catch (Exception e)
        {
            if (source is not null)
                await source.DisposeAsync().ConfigureAwait(false);
            throw e is ArgumentException ? Failed(e) : e;
        }
    }

    /// <summary>
    /// Takes the database for this process until it ends or the database is disposed of: whoever executes runs must be
    /// the only one. A lock of the server's, held by a connection that does nothing else.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8002: another process has it, or unreachable.</exception>
    public async Task ClaimAsync(CancellationToken cancellationToken)
    {
        try
        {
            _claim = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using var command = new NpgsqlCommand("SELECT pg_try_advisory_lock($1)", _claim)
            {
                Parameters = { new() { Value = ClaimKey } },
            };
            if (await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is true)
                return;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Failed(e);
        }

        throw new RuntimeErrorException(new(
            ReasonCodes.StorageFailed,
            "Another platform works with this PostgreSQL database.",
            "postgresql",
            "Stop the other one, or give this one a database of its own."));
    }

    /// <summary>Closes the pool, and lets go of a claim.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_claim is not null)
            await _claim.DisposeAsync().ConfigureAwait(false);
        await _source.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Runs statements on one connection, each on its own.</summary>
    internal async ValueTask<T> RunAsync<T>(
        Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        try
        {
            await using var db = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            return await work(db).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Failed(e);
        }
    }

    /// <summary>
    /// Runs statements in one transaction, durable when the task completes. The commit is not cancelled: a caller
    /// that leaves in the middle of it could not know what happened.
    /// </summary>
    internal ValueTask<T> InTransactionAsync<T>(
        Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        RunAsync(
            async db =>
            {
                await using var transaction = await db.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                var result = await work(db).ConfigureAwait(false);
                await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
                return result;
            },
            cancellationToken);

    /// <summary>The server's message may quote data of a tenant, so only its code is told.</summary>
    private static RuntimeErrorException Failed(Exception cause) => new(
        new RuntimeError(
            ReasonCodes.StorageFailed,
            cause is PostgresException postgres
                ? $"The store failed: PostgreSQL error {postgres.SqlState}."
                : "The store failed: PostgreSQL cannot be reached.",
            "postgresql",
            "Check that the server runs and that the connection string is right."),
        cause);
}
