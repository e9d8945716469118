using System.Collections.Concurrent;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Logging;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Transfer;

/// <summary>
/// KV state that another node has announced and that is fetched while it is computed there, so that the request which
/// needs it finds it here. Bounded in number and bytes; what no request asks for is dropped, and released where it came
/// from, after a lease's time. An id is known to its prefill node and to whoever was handed it, and is good once.
/// Thread-safe.
/// </summary>
internal sealed class KvExpectations(NodeOptions options, KvClient client, TimeProvider time, ILogger log) : IDisposable
{
    private const int Most = 256;

    /// <summary>A peer that neither computes on nor gives up is waited for no longer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, Expected> _expected = new(StringComparer.Ordinal);
    private readonly KvBudget _budget = new(options.KvLeaseBytes.Value);
    private long _taken;

    public int Count => _expected.Count;

    /// <summary>Bytes that are here or on their way; those that a request took, until they are read.</summary>
    public long Bytes => _budget.Taken;

    /// <summary>How many a request found here.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    /// <summary>Begins to fetch; false when it may not be had from there, is under way, or there is no room.</summary>
    public bool Begin(KvTransferParams from)
    {
        // A simulation moves nothing, and takes the time of it when it is asked for.
        if (options.Simulation is not null || !client.MayFetch(from) || _expected.Count >= Most) return false;
        var expected = new Expected(new(Longest, time));
        if (!_expected.TryAdd(from.RequestId!, expected)) return false;
        _ = FetchAsync(from, expected);
        return true;
    }

    /// <summary>
    /// Takes what was announced under an id, once it is there; null when nothing was, or it could not be fetched: then
    /// it is to be fetched anew. Its bytes are given back by the import that <see cref="KvClient.Accept"/> makes of it.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR4007: it did not come in time.</exception>
    public async Task<KvFetched?> TakeAsync(string id, CancellationToken cancellationToken)
    {
        if (!_expected.TryRemove(id, out var expected)) return null;
        try
        {
            var fetched = await expected.Fetched.Task.WaitAsync(options.KvFetchTimeout, time, cancellationToken);
            if (!expected.TryOwn()) return null; // its time ended just now
            Interlocked.Increment(ref _taken);
            return fetched;
        }
        catch (TimeoutException)
        {
            throw client.NotInTime();
        }
        catch (RuntimeErrorException)
        {
            return null;
        }
        finally
        {
            await expected.End.CancelAsync();
        }
    }

    /// <summary>No request will ask for it: its bytes are free at once. False when it is not here.</summary>
    public bool Drop(string id)
    {
        if (!_expected.TryRemove(id, out var expected)) return false;
        expected.End.Cancel();
        return true;
    }

    public void Dispose()
    {
        foreach (var expected in _expected.Values) expected.End.Cancel();
    }

    private async Task FetchAsync(KvTransferParams from, Expected expected)
    {
        var bytes = 0L;
        var ended = expected.End.Token;
        try
        {
            var fetched = await client.FetchAheadAsync(
                from,
                more =>
                {
                    if (!_budget.TryTake(more)) return false;
                    bytes += more;
                    return true;
                },
                ended);
            expected.Fetched.TrySetResult(fetched with { Budget = _budget });
            await Task.Delay(options.KvLease, time, ended);
            if (Remove(from, expected)) await client.ReleaseAsync(from);
        }
        catch (OperationCanceledException)
        {
            // Taken, or the node stops; or it took longer than anything may, which whoever waits hears.
            expected.Fetched.TrySetException(client.NotInTime());
        }
        catch (RuntimeErrorException e)
        {
            expected.Fetched.TrySetException(e);
        }
        catch (Exception e)
        {
            // Nobody awaits this: without a word, whoever asks for the state would wait for it until it is late.
            NodeLog.FetchFailed(log, e);
            expected.Fetched.TrySetException(KvClient.CannotFetch());
        }
        finally
        {
            _ = expected.Fetched.Task.Exception; // observed: perhaps nobody asks for it
            Remove(from, expected);
            // Its timer stops. It is not disposed of: whoever took it may be about to cancel it.
            expected.End.CancelAfter(Timeout.InfiniteTimeSpan);
            if (expected.TryOwn()) _budget.Give(bytes);
        }
    }

    private bool Remove(KvTransferParams from, Expected expected) =>
        _expected.TryRemove(new KeyValuePair<string, Expected>(from.RequestId!, expected));

    /// <param name="End">Cancelled when nobody needs it to be fetched any more.</param>
    private sealed record Expected(CancellationTokenSource End)
    {
        private int _owned;

        public TaskCompletionSource<KvFetched> Fetched { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Whether the caller is who gives the bytes back: the first to ask is.</summary>
        public bool TryOwn() => Interlocked.Exchange(ref _owned, 1) == 0;
    }
}
