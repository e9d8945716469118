using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>
/// A process's claim on a database: a lock of the server's, held by a connection that does nothing else, and the number
/// of the claim. The lock keeps others from starting; it ends with the connection, and so with the process. The number
/// is the fence: it rises with each claim, and a write that names an older one is refused by the server
/// (<see cref="PostgresFence"/>, decision 0504). Used by one caller at a time.
/// </summary>
internal sealed class PostgresClaim : IAsyncDisposable
{
    /// <summary>Any number that is ours: "AgentRun" in ASCII.</summary>
    private const long Key = 0x4167656E7452756E;

    private readonly NpgsqlDataSource _source;
    private NpgsqlConnection? _connection;

    private PostgresClaim(NpgsqlDataSource source, NpgsqlConnection connection) =>
        (_source, _connection) = (source, connection);

    /// <exception cref="RuntimeErrorException">AR8002: another process has it, or unreachable.</exception>
    public static async Task<PostgresClaim> TakeAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        try
        {
            if (await TryLockAsync(source, cancellationToken).ConfigureAwait(false) is { } connection)
                return new PostgresClaim(source, connection);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw PostgresDatabase.Failed(e);
        }

        throw new RuntimeErrorException(new(
            ReasonCodes.StorageFailed,
            "Another platform works with this PostgreSQL database.",
            "postgresql",
            "Stop the other one, or give this one a database of its own."));
    }

    /// <summary>
    /// Looks at the claim again and again, until another has been made or this is cancelled. Where the connection
    /// broke, as it does when the server is restarted, the lock is taken again as soon as that goes: as long as nobody
    /// else has claimed the database, it is ours, and the fence sees to that meanwhile.
    /// </summary>
    /// <param name="number">The number of the claim.</param>
    /// <param name="every">How often to look.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RuntimeErrorException">AR8002: somebody else has claimed the database.</exception>
    public async Task WatchAsync(long number, TimeSpan every, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(every, time, cancellationToken).ConfigureAwait(false);
            try
            {
                await LookAsync(number, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or InvalidOperationException)
            {
                // The server is away, or has just come back without our connections.
                await LetGoAsync().ConfigureAwait(false);
            }
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
            if (_connection is { } connection)
                await connection.ScalarAsync("SELECT pg_advisory_unlock($1)", CancellationToken.None, Key)
                    .ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            // The claim is gone with its connection.
        }

        await LetGoAsync().ConfigureAwait(false);
    }

    private async Task LookAsync(long number, CancellationToken cancellationToken)
    {
        if (_connection is null)
        {
            // What else is in the pool is as old as the connection that broke.
            _source.Clear();
            _connection = await TryLockAsync(_source, cancellationToken).ConfigureAwait(false);
        }

        // While the lock is another's, that is a platform which is about to make its claim, or a connection of ours
        // that the server does not know to be gone.
        var now = _connection is { } connection
            ? await PostgresFence.NumberAsync(connection, cancellationToken).ConfigureAwait(false)
            : await NumberAsync(cancellationToken).ConfigureAwait(false);
        if (now != number)
            throw new RuntimeErrorException(PostgresFence.ClaimLost());
    }

    private async Task<long?> NumberAsync(CancellationToken cancellationToken)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
            return await PostgresFence.NumberAsync(connection, cancellationToken).ConfigureAwait(false);
    }

    private async Task LetGoAsync()
    {
        if (_connection is { } connection)
            await connection.DisposeAsync().ConfigureAwait(false);
        _connection = null;
    }

    /// <summary>A connection that has the lock; null where another has.</summary>
    private static async Task<NpgsqlConnection?> TryLockAsync(
        NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (await connection.ScalarAsync("SELECT pg_try_advisory_lock($1)", cancellationToken, Key)
                .ConfigureAwait(false) is true)
                return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        await connection.DisposeAsync().ConfigureAwait(false);
        return null;
    }
}
