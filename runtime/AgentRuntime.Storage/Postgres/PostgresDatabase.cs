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

    /// <summary>Closes the pool.</summary>
    public ValueTask DisposeAsync() => _source.DisposeAsync();

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
