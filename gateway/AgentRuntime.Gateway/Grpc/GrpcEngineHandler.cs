using System.Collections.Concurrent;

namespace AgentRuntime.Gateway;

/// <summary>
/// Serves requests to <c>grpc://host:port</c> over vLLM's or SGLang's gRPC as if the engine spoke HTTP, and leaves
/// others to HTTP: probes, legs, retries and survival of streams are then the same for both. Thread-safe.
/// </summary>
internal sealed class GrpcEngineHandler(EngineRouterOptions options, TimeProvider time, HttpMessageHandler http)
    : DelegatingHandler(http)
{
    /// <summary>The scheme of addresses that are spoken to over gRPC without TLS.</summary>
    public const string Scheme = "grpc";

    /// <summary>Says with a request that the engine is SGLang.</summary>
    public static readonly HttpRequestOptionsKey<bool> IsSglang = new("agentruntime.sglang");

    private readonly ConcurrentDictionary<(string Authority, bool IsSglang), GrpcEngine> _engines = new();

    /// <summary>The address for HTTP/2 without TLS behind a <c>grpc</c> one.</summary>
    public static Uri HttpAddress(Uri address) => new UriBuilder(Uri.UriSchemeHttp, address.Host, address.Port).Uri;

    /// <summary>Closes the connections to an address, in whichever dialect it was spoken to.</summary>
    public void Forget(Uri address)
    {
        foreach (var isSglang in (ReadOnlySpan<bool>)[false, true])
        {
            if (address.Scheme == Scheme && _engines.TryRemove((address.Authority, isSglang), out var engine))
                engine.Close();
        }
    }

    protected override Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken) =>
        request.RequestUri is { Scheme: Scheme } address
            ? _engines.GetOrAdd(
                    (address.Authority, request.Options.TryGetValue(IsSglang, out var isSglang) && isSglang),
                    key => new(HttpAddress(address), key.IsSglang, options, time))
                .SendAsync(request, cancellationToken)
            : base.SendAsync(request, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var engine in _engines.Values)
                engine.Dispose();
        }

        base.Dispose(disposing);
    }
}
