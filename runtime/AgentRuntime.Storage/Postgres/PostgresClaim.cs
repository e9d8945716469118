using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>
/// A process's claim on a database: a lock of the server's, held by a connection that does nothing else. It ends with
/// the connection, and so with the process (decision 0504). Used by one caller at a time.
/// </summary>
internal sealed class PostgresClaim : IAsyncDisposable
{
    /// <summary>Any number that is ours: "AgentRun" in ASCII.</summary>
    private const long Key = 0x4167656E7452756E;

    private readonly NpgsqlConnection _connection;

    private PostgresClaim(NpgsqlConnection connection) => _connection = connection;

    /// <exception cref="RuntimeErrorException">AR8002: another process has it, or unreachable.</exception>
    public static async Task<PostgresClaim> TakeAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        NpgsqlConnection? connection = null;
        try
        {
            connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            if (await connection.ScalarAsync("SELECT pg_try_advisory_lock($1)", cancellationToken, Key)
                .ConfigureAwait(false) is true)
                return new PostgresClaim(connection);
        }
        catch (Exception e)
        {
            if (connection is not null)
                await connection.DisposeAsync().ConfigureAwait(false);
            throw e is NpgsqlException or TimeoutException ? PostgresDatabase.Failed(e) : e;
        }

        await connection.DisposeAsync().ConfigureAwait(false);
        throw new RuntimeErrorException(new(
            ReasonCodes.StorageFailed,
            "Another platform works with this PostgreSQL database.",
            "postgresql",
            "Stop the other one, or give this one a database of its own."));
    }

    /// <summary>Looks at the connection again and again, until it is gone or this is cancelled.</summary>
    /// <exception cref="RuntimeErrorException">AR8002: it is gone, and somebody else may have the claim.</exception>
    public async Task WatchAsync(TimeSpan every, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(every, time, cancellationToken).ConfigureAwait(false);
                await _connection.ScalarAsync("SELECT 1", cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.StorageFailed,
                    "The claim on the PostgreSQL database is lost with its connection: another platform may have it.",
                    "postgresql",
                    "Start the platform again. A transaction pooler in between does not keep the claim."),
                e);
        }
    }

    /// <summary>
    /// Lets go of the lock at once: the connection goes back to its pool with it, and the server would keep it until it
    /// has noticed that the pool is closed.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _connection.ScalarAsync("SELECT pg_advisory_unlock($1)", CancellationToken.None, Key)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            // The claim is gone with its connection.
        }

        await _connection.DisposeAsync().ConfigureAwait(false);
    }
}
