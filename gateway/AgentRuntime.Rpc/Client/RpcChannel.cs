using System.Net.Http.Headers;
using AgentRuntime.Rpc.Framing;
using AgentRuntime.Rpc.Metadata;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Client;

/// <summary>
/// A client of the services at one address: <c>http</c> is HTTP/2 without TLS by prior knowledge, <c>https</c> is
/// HTTP/2 by ALPN. Connections are made when they are needed and shared. Thread-safe.
/// </summary>
public sealed class RpcChannel : IDisposable
{
    private readonly Lock _gate = new();
    private volatile HttpMessageInvoker _http;
    private HttpMessageInvoker? _left;
    private bool _disposed;

    /// <summary>Makes a client. Nothing is sent before the first call.</summary>
    /// <exception cref="ArgumentException">The address is not http or https.</exception>
    public RpcChannel(Uri address, RpcChannelOptions? options = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
            throw new ArgumentException("the address is neither http nor https", nameof(address));
        Address = address;
        Options = options ?? new();
        Time = time ?? TimeProvider.System;
        _http = Connect();
    }

    /// <summary>Where the services are.</summary>
    public Uri Address { get; }

    internal RpcChannelOptions Options { get; }

    internal TimeProvider Time { get; }

    /// <summary>One request, one response.</summary>
    /// <exception cref="RpcException">The call did not succeed.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions? options = null,
        CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new()
    {
        await using var call = ServerStreaming(method, request, options, cancellationToken);
        return await call.ReadOnlyAsync();
    }

    /// <summary>One request, responses as they come.</summary>
    /// <exception cref="RpcException">ResourceExhausted: the request is too large.</exception>
    public RpcCall<TRequest, TResponse> ServerStreaming<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions? options = null,
        CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new()
    {
        ArgumentNullException.ThrowIfNull(request);
        return new(this, method, options ?? new(), request, cancellationToken);
    }

    /// <summary>
    /// Requests in one direction while responses come in the other. The same for a method that takes a stream and
    /// answers once: write, complete, then <see cref="RpcCall{TRequest,TResponse}.ReadOnlyAsync"/>.
    /// </summary>
    public RpcCall<TRequest, TResponse> Duplex<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, RpcCallOptions? options = null,
        CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() =>
        new(this, method, options ?? new(), request: null, cancellationToken);

    /// <summary>
    /// Makes new connections for new calls, and leaves the others to the calls that are under way on them. For a peer
    /// from which nothing comes any more: HTTP/2 sends whatever follows to the same dead connection.
    /// </summary>
    public void Reconnect()
    {
        lock (_gate)
        {
            if (_disposed) return;
            // Whoever has taken the last invoker up to now may be about to use it: it closes the next time.
            _left?.Dispose();
            _left = _http;
            _http = Connect();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _left?.Dispose();
            _http.Dispose();
        }
    }

    internal Task<HttpResponseMessage> SendAsync(
        string path, RpcCallOptions options, HttpContent content, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Address, path))
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        // The timeout goes first and the call's own headers before custom ones (PROTOCOL-HTTP2, Requests).
        if (options.Timeout is { } timeout)
            request.Headers.TryAddWithoutValidation("grpc-timeout", RpcTimeout.Format(timeout));
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.TryAddWithoutValidation("user-agent", "grpc-dotnet-agentruntime/0.1");
        request.Headers.TryAddWithoutValidation("grpc-accept-encoding", MessageCoding.Accepted);
        if (Options.Compress) request.Headers.TryAddWithoutValidation("grpc-encoding", MessageCoding.Gzip);
        foreach (var entry in options.Metadata ?? [])
            request.Headers.TryAddWithoutValidation(entry.Name, entry.Encoded);
        content.Headers.TryAddWithoutValidation("content-type", "application/grpc");
        return _http.SendAsync(request, cancellationToken);
    }

    private HttpMessageInvoker Connect()
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = Options.ConnectTimeout,
            MaxResponseHeadersLength = Options.MaxHeadersKibibytes,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
        };
        if (Options.Tls is { } tls) handler.SslOptions = tls;
        if (Options.KeepAlive is { } keepAlive)
        {
            handler.KeepAlivePingDelay = keepAlive;
            handler.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
            handler.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests;
        }

        return new(handler, disposeHandler: true);
    }
}
