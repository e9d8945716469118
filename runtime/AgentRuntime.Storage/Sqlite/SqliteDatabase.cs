using System.Collections.Concurrent;
using System.Runtime.Versioning;
using System.Threading.Channels;
using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>
/// One SQLite file in WAL mode. All writes go through one writer, which commits whatever has queued up in one
/// transaction (group commit) with <c>synchronous=FULL</c>: a write whose task completed survives a power cut. Reads
/// run beside it on their own connections. The write queue and the number of readers are bounded. Thread-safe.
/// Every failure is a <see cref="RuntimeErrorException"/> with AR8002.
/// </summary>
public sealed class SqliteDatabase : IAsyncDisposable
{
    /// <summary>Waits for the lock of another process at most this long.</summary>
    private const int BusyTimeoutMs = 5_000;

    private const int MaxQueuedWrites = 4_096;
    private const int MaxWritesPerCommit = 256;
    private const int MaxReaders = 8;

    private readonly string _path;
    private readonly SqliteConnection _writer;
    private readonly Channel<ISqliteWrite> _writes;
    private readonly SemaphoreSlim _readerSlots = new(MaxReaders, MaxReaders);
    private readonly ConcurrentBag<SqliteConnection> _idleReaders = [];
    private readonly Task _writerLoop;
    private int _disposed;

    private SqliteDatabase(string path, SqliteConnection writer)
    {
        _path = path;
        _writer = writer;
        _writes = Channel.CreateBounded<ISqliteWrite>(
            new BoundedChannelOptions(MaxQueuedWrites) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        _writerLoop = Task.Factory.StartNew(
            WriteUntilCompleted, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>
    /// Opens a file, creating it and its folder when they do not exist, and brings its schema up to date. Only its
    /// owner may read it from then on.
    /// </summary>
    /// <exception cref="RuntimeErrorException">
    /// AR8002: unreadable, not a database, or made by a newer version.
    /// </exception>
    public static SqliteDatabase Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SqliteLibrary.EnsureInitialized();
        SqliteConnection? writer = null;
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            if (!OperatingSystem.IsWindows())
                KeepToOwner(path);
            writer = Connect(path, SqliteOpenMode.ReadWriteCreate);
            writer.Execute("PRAGMA journal_mode=WAL");
            writer.Execute("PRAGMA synchronous=FULL");
            SqliteSchema.Migrate(writer, path);
            return new SqliteDatabase(path, writer);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            writer?.Dispose();
            throw Failed(path, e);
        }
        catch
        {
            writer?.Dispose();
            throw;
        }
    }

    /// <summary>Runs a write in the writer's transaction; completes when it is on disk.</summary>
    internal async ValueTask<T> WriteAsync<T>(Func<SqliteConnection, T> write, CancellationToken cancellationToken)
    {
        var queued = new SqliteWrite<T>(write, cancellationToken);
        try
        {
            await _writes.Writer.WriteAsync(queued, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw Failed(_path, e);
        }
        return await queued.Completion.ConfigureAwait(false);
    }

    /// <summary>Runs a read on a snapshot of what has been committed.</summary>
    internal async ValueTask<T> ReadAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        await _readerSlots.WaitAsync(cancellationToken).ConfigureAwait(false);
        SqliteConnection? reader = null;
        try
        {
            if (!_idleReaders.TryTake(out reader))
                reader = Connect(_path, SqliteOpenMode.ReadOnly);
            var result = read(reader);
            _idleReaders.Add(reader);
            return result;
        }
        catch (SqliteException e)
        {
            reader?.Dispose();
            throw Failed(_path, e);
        }
        catch
        {
            reader?.Dispose();
            throw;
        }
        finally
        {
            _readerSlots.Release();
        }
    }

    /// <summary>Finishes the queued writes and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _writes.Writer.Complete();
        await _writerLoop.ConfigureAwait(false);
        for (var i = 0; i < MaxReaders; i++)
            await _readerSlots.WaitAsync().ConfigureAwait(false);
        while (_idleReaders.TryTake(out var reader))
            await reader.DisposeAsync().ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
        _readerSlots.Dispose();
    }

    internal static RuntimeErrorException Failed(string path, Exception cause) => new(
        new RuntimeError(
            ReasonCodes.StorageFailed,
            cause is SqliteException sqlite
                ? $"The store failed: SQLite error {sqlite.SqliteErrorCode}{Words(sqlite.SqliteErrorCode)}."
                : $"The store failed: {cause.Message}",
            Path.GetFileName(path),
            "Check the disk's space and the file's permissions, then try again."),
        cause);

    /// <summary>What the operator can do something about, in words (sqlite.org/rescode.html).</summary>
    private static string Words(int code) => code switch
    {
        5 => ", another process holds the file",
        8 => ", the file may not be written",
        10 => ", the disk cannot be read or written",
        11 or 26 => ", the file is damaged or no database",
        13 => ", there is no space left",
        14 => ", the file cannot be opened",
        _ => "",
    };

    /// <summary>
    /// All tenants' data is in it, so only the platform's user may read it. SQLite gives the files beside it the same
    /// permissions when it makes them.
    /// </summary>
    [UnsupportedOSPlatform("windows")]
    private static void KeepToOwner(string path)
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        if (!File.Exists(path))
            new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, UnixCreateMode = OwnerOnly,
            }).Dispose();

        // One that is there is not opened: to close it again would let go of SQLite's locks in this process.
        foreach (var file in new[] { path, $"{path}-wal", $"{path}-shm" })
            if (File.Exists(file) && (File.GetUnixFileMode(file) & ~OwnerOnly) != 0)
                File.SetUnixFileMode(file, OwnerOnly);
    }

    private static SqliteConnection Connect(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            ForeignKeys = true,
            Pooling = false,
        }.ConnectionString);
        try
        {
            connection.Open();
            connection.Execute($"PRAGMA busy_timeout={BusyTimeoutMs}");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private async Task WriteUntilCompleted()
    {
        var batch = new List<ISqliteWrite>(MaxWritesPerCommit);
        while (await _writes.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            batch.Clear();
            while (batch.Count < MaxWritesPerCommit && _writes.Reader.TryRead(out var write))
                batch.Add(write);
            CommitTogether(batch);
        }
    }

    /// <summary>
    /// One transaction, one savepoint a write: a write that fails is undone alone, and none is acknowledged before
    /// the commit that holds it.
    /// </summary>
    private void CommitTogether(List<ISqliteWrite> batch)
    {
        ISqliteWrite? failed = null;
        try
        {
            _writer.Execute("BEGIN IMMEDIATE");
            foreach (var write in batch)
            {
                _writer.Execute("SAVEPOINT write");
                if (!write.TryRun(_writer, _path))
                {
                    failed = write;
                    _writer.Execute("ROLLBACK TO write");
                    failed = null;
                }
                _writer.Execute("RELEASE write");
            }
            _writer.Execute("COMMIT");
        }
        catch (Exception e)
        {
            TryRollback();
            // A full disk, an I/O error and a lack of memory undo the whole transaction by themselves (SQLite,
            // "Response To Errors Within A Transaction"), so that there is no savepoint to go back to. What did that
            // is the cause.
            var error = failed?.Failure as RuntimeErrorException ?? Failed(_path, e);
            foreach (var write in batch)
                write.Fail(error);
            return;
        }
        foreach (var write in batch)
            write.Acknowledge();
    }

    private void TryRollback()
    {
        try
        {
            _writer.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite has already rolled back by itself; there is nothing left to undo.
        }
    }
}
