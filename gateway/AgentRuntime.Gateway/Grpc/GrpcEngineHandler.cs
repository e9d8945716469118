using System.Collections.Concurrent;

namespace AgentRuntime.Gateway;

/// <summary>
/// Serves requests to <c>grpc://host:port</c> over <c>vllm.grpc.engine.VllmEngine</c> as if the engine spoke HTTP, and
/// leaves others to HTTP: probes, legs, retries and survival of streams are then the same for both. Thread-safe.
/// </summary>
internal sealed class GrpcEngineHandler(EngineRouterOptions options, TimeProvider time, HttpMessageHandler http)
    : DelegatingHandler(http)
{
    /// <summary>The scheme of addresses that are spoken to over gRPC without TLS.</summary>
    public const string Scheme = "grpc";

    private readonly ConcurrentDictionary<string, GrpcEngine> _engines = new(StringComparer.Ordinal);

    /// <summary>The address for HTTP/2 without TLS behind a <c>grpc</c> one.</summary>
    public static Uri HttpAddress(Uri address) => new UriBuilder(Uri.UriSchemeHttp, address.Host, address.Port).Uri;

    protected override Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken) =>
        request.RequestUri is { Scheme: Scheme } address
            ? _engines.GetOrAdd(address.Authority, _ => new(HttpAddress(address), options, time))
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
