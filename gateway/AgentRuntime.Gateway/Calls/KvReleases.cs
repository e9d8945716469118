using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway;

/// <summary>
/// Tells nodes that KV state is not wanted any more, in the background: whoever gave it up does not wait. Bounded in
/// time, in all and for each engine; what is not told ends with its lease on the node. Thread-safe. Disposing it waits
/// for what is under way.
/// </summary>
internal sealed class KvReleases(EngineClient client, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    /// <summary>As many as a node has states.</summary>
    private const int MostUnderWay = 1024;

    /// <summary>For the wait for its turn and the answer together.</summary>
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly HashSet<Task> _underWay = [];

    /// <summary>
    /// Begins to let a state go on some engines, one after the other. Each is asked at its own address, and is not
    /// drained before it has been.
    /// </summary>
    /// <param name="id">The state's.</param>
    /// <param name="leases">On the engines; given back when they have been told, or could not be.</param>
    public void Begin(string id, IReadOnlyList<Engine.Lease> leases)
    {
        lock (_lock)
        {
            if (_underWay.Count < MostUnderWay)
            {
                var telling = TellAsync(id, leases);
                _underWay.Add(telling);
                _ = telling.ContinueWith(
                    Ended, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                return;
            }
        }

        foreach (var lease in leases)
            lease.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Task[] underWay;
        lock (_lock)
            underWay = [.. _underWay];
        await Task.WhenAll(underWay);
    }

    private async Task TellAsync(string id, IReadOnlyList<Engine.Lease> leases)
    {
        // Nothing of it on the thread of whoever gave the state up.
        await Task.Yield();
        foreach (var lease in leases)
        {
            using (lease)
                await TellAsync(id, lease.Engine);
        }
    }

    private async Task TellAsync(string id, Engine engine)
    {
        using var deadline = new CancellationTokenSource(Within, time);
        try
        {
            await engine.KvReleases.WaitAsync(deadline.Token);
            try
            {
                await client.ReleaseKvAsync(engine, id, deadline.Token);
            }
            finally
            {
                engine.KvReleases.Release();
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException
            or ObjectDisposedException)
        {
            GatewayLog.KvNotReleased(logger, engine.Name, e.Message);
        }
        catch (Exception e)
        {
            // Nobody awaits this. It is no reason to keep the next engine waiting.
            GatewayLog.KvReleaseFailed(logger, engine.Name, e);
        }
    }

    private void Ended(Task telling)
    {
        lock (_lock)
            _underWay.Remove(telling);
    }
}
