using System.Threading.Channels;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// Takes audit records in the path of decisions and writes them behind it, many in one transaction. While the store
/// fails it tries again; records that wait meanwhile are bounded, and when there are too many the next ones are
/// refused, so that nothing is done that cannot be recorded. Thread-safe; one writer.
/// </summary>
public sealed class AuditLog : IAuditLog, IAsyncDisposable
{
    private const int MaxBatch = 1_024;
    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly IAuditStore _store;
    private readonly AuditLogOptions _options;
    private readonly TimeProvider _time;
    private readonly Action<RuntimeError>? _failed;
    private readonly Channel<AuditEntry> _waiting;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _writer;
    private TaskCompletionSource _progress = NewSignal();
    private TaskCompletionSource _wanted = NewSignal();
    private int _waitingForWrites;
    private bool _ending;
    private RuntimeErrorException? _failure;
    private long _taken;
    private long _written;

    /// <summary>Starts the writer.</summary>
    /// <param name="store">Where records are kept.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">The bounds; null for the defaults.</param>
    /// <param name="failed">Hears when records could not be written and will be tried again; null for nobody.</param>
    public AuditLog(
        IAuditStore store, TimeProvider time, AuditLogOptions? options = null, Action<RuntimeError>? failed = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(time);
        (_store, _time, _failed) = (store, time, failed);
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxWaiting, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxPerTenant, 1, nameof(options));
        _waiting = Channel.CreateBounded<AuditEntry>(
            new BoundedChannelOptions(_options.MaxWaiting) { SingleReader = true });
        _writer = Task.Run(WriteAsync);
    }

    /// <inheritdoc/>
    public bool TryAppend(AuditEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);

        // Under a lock, so that the count tells how far in the queue a record stands.
        lock (_lock)
        {
            if (!_waiting.Writer.TryWrite(entry))
                return false;
            _taken++;
            return true;
        }
    }

    /// <inheritdoc/>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        long target;
        lock (_lock)
        {
            target = _taken;
            _waitingForWrites++;
            _wanted.TrySetResult();
        }

        try
        {
            while (true)
            {
                Task progress;
                lock (_lock)
                {
                    if (_written >= target)
                        return;
                    if (_failure is { } failure)
                        throw new RuntimeErrorException(failure.Error, failure);
                    progress = _progress.Task;
                }

                await progress.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_lock)
                _waitingForWrites--;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<AuditRecord>> ReadAsync(
        TenantId tenant, AuditQuery query, CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        return await _store.ReadAsync(tenant, query, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<AuditRecord>> ReadHoldsAsync(
        TenantId tenant, CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        return await _store.ReadHoldsAsync(tenant, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes what waits, for at most five seconds, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_waiting.Writer.TryComplete())
            return;
        lock (_lock)
        {
            _ending = true;
            _wanted.TrySetResult();
        }

        _stop.CancelAfter(LastWrite);
        await _writer.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WriteAsync()
    {
        var batch = new List<AuditEntry>(MaxBatch);
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                batch.Clear();
                while (batch.Count < MaxBatch && _waiting.Reader.TryRead(out var entry))
                    batch.Add(entry);
                while (!await TryKeepAsync(batch).ConfigureAwait(false))
                    await Task.Delay(_options.RetryAfter, _time, _stop.Token).ConfigureAwait(false);
                if (batch.Count < MaxBatch)
                    await GatherAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The platform ends and the store does not answer; FlushAsync has told everybody who asked.
        }
    }

    /// <summary>
    /// Lets records come together for the next write: a few milliseconds, or until somebody waits for it. A transaction
    /// a record would cost the disk and the processor more than the decisions do.
    /// </summary>
    private async Task GatherAsync()
    {
        Task wanted;
        lock (_lock)
        {
            if (_ending || _waitingForWrites > 0)
                return;
            if (_wanted.Task.IsCompleted)
                _wanted = NewSignal();
            wanted = _wanted.Task;
        }

        await Task.WhenAny(Task.Delay(_options.Gather, _time, _stop.Token), wanted).ConfigureAwait(false);
    }

    private async Task<bool> TryKeepAsync(List<AuditEntry> batch)
    {
        RuntimeErrorException? failure = null;
        try
        {
            await _store.AppendAsync(batch, _options.MaxPerTenant, _stop.Token).ConfigureAwait(false);
        }
        catch (RuntimeErrorException e)
        {
            failure = e;
            _failed?.Invoke(e.Error);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // One record that can never be written must not hold up all others for good.
            await KeepEachAsync(batch).ConfigureAwait(false);
        }

        TaskCompletionSource told;
        lock (_lock)
        {
            _failure = failure;
            if (failure is null)
                _written += batch.Count;
            told = _progress;
            _progress = NewSignal();
        }

        told.TrySetResult();
        return failure is null;
    }

    private async Task KeepEachAsync(List<AuditEntry> batch)
    {
        foreach (var entry in batch)
        {
            var failure = await TryKeepOneAsync(entry).ConfigureAwait(false);

            // The arguments are what somebody else wrote; what was decided must be on record nevertheless.
            if (failure is not null && entry.Data is DecisionMade { Arguments: not null } made)
                failure = await TryKeepOneAsync(entry with { Data = made with { Arguments = null } })
                    .ConfigureAwait(false);
            if (failure is not null)
                _failed?.Invoke(new(
                    ReasonCodes.StorageFailed,
                    $"An audit record of kind {entry.Data.Kind} cannot be written and is left out: "
                        + $"{failure.GetType().Name}.",
                    entry.Tenant.ToString()));
        }
    }

    private async Task<Exception?> TryKeepOneAsync(AuditEntry entry)
    {
        try
        {
            await _store.AppendAsync([entry], _options.MaxPerTenant, _stop.Token).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return e;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>The audit log's bounds. Immutable.</summary>
public sealed record AuditLogOptions
{
    /// <summary>
    /// Records that wait to be written over all tenants. Default 50,000: some seconds of a disk that stands still.
    /// </summary>
    public int MaxWaiting { get; init; } = 50_000;

    /// <summary>Records that are kept of each tenant; the oldest go. Default 100,000.</summary>
    public long MaxPerTenant { get; init; } = 100_000;

    /// <summary>
    /// How long a write waits after the one before for more records, when nobody waits for it: what a crash can lose.
    /// Default 20 ms.
    /// </summary>
    public TimeSpan Gather { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long to wait after a failure of the store. Default 1 s.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(1);
}
