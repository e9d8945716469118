using System.Collections.Concurrent;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grpc;

/// <summary>The requests that <c>Abort</c> can name. Thread-safe.</summary>
internal sealed class RunningRequests
{
    private const int MostIdCharacters = 256;

    private readonly ConcurrentDictionary<string, RunningRequest> _requests = new(StringComparer.Ordinal);

    public int Count => _requests.Count;

    /// <summary>Adds a request; its token is cancelled by an abort or by the call's end.</summary>
    /// <exception cref="Abstractions.RuntimeErrorException">AR1004: the id is empty, too long or in use.</exception>
    public RunningRequest Start(string id, CancellationToken callToken)
    {
        if (id.Length is 0 or > MostIdCharacters)
            throw CompletionRequestReader.Malformed(
                $"request_id is not a text of 1 to {MostIdCharacters} characters", "request_id");
        var request = new RunningRequest(this, id, callToken);
        if (_requests.TryAdd(id, request)) return request;
        request.Dispose();
        throw CompletionRequestReader.Malformed("a request with this request_id is running", "request_id");
    }

    /// <summary>Ends a request; one that is not there has ended.</summary>
    public void Abort(string id)
    {
        if (_requests.TryGetValue(id, out var request)) request.Abort();
    }

    internal void Remove(string id, RunningRequest request) => _requests.TryRemove(new(id, request));
}

/// <summary>A request while it runs. Abort is thread-safe.</summary>
internal sealed class RunningRequest(RunningRequests owner, string id, CancellationToken callToken) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(callToken);
    private bool _disposed;

    public CancellationToken Token => _stop.Token;

    public bool IsAborted { get; private set; }

    public void Abort()
    {
        lock (_gate)
        {
            if (_disposed) return;
            IsAborted = true;
            _stop.Cancel();
        }
    }

    public void Dispose()
    {
        owner.Remove(id, this);
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _stop.Dispose();
        }
    }
}
