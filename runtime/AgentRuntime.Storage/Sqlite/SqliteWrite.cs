using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>A queued write. Run by the writer only; completed exactly once.</summary>
internal interface ISqliteWrite
{
    /// <summary>Runs inside the open savepoint; false when it failed and must be undone.</summary>
    bool TryRun(SqliteConnection connection, string path);

    /// <summary>Why it failed when it ran; null when it did not.</summary>
    Exception? Failure { get; }

    /// <summary>The commit failed: nothing of the write is left.</summary>
    void Fail(Exception error);

    /// <summary>The commit is on disk: hands out the result, or the write's own failure.</summary>
    void Acknowledge();
}

/// <inheritdoc cref="ISqliteWrite"/>
internal sealed class SqliteWrite<T>(Func<SqliteConnection, T> write, CancellationToken cancellationToken)
    : ISqliteWrite
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Completion => _completion.Task;

    public Exception? Failure { get; private set; }

    public bool TryRun(SqliteConnection connection, string path)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            Failure = new OperationCanceledException(cancellationToken);
            return false;
        }
        try
        {
            _result = write(connection);
            return true;
        }
        catch (SqliteException e)
        {
            Failure = SqliteDatabase.Failed(path, e);
            return false;
        }
        catch (Exception e)
        {
            // The writer serves everybody: one caller's bug must reach that caller and nobody else.
            Failure = e is RuntimeErrorException ? e : new InvalidOperationException("a write failed", e);
            return false;
        }
    }

    public void Fail(Exception error) => _completion.TrySetException(error);

    public void Acknowledge()
    {
        if (Failure is OperationCanceledException cancelled)
            _completion.TrySetCanceled(cancelled.CancellationToken);
        else if (Failure is not null)
            _completion.TrySetException(Failure);
        else
            _completion.TrySetResult(_result!);
    }
}
