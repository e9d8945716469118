using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentRuntime.Rpc.Server;

/// <summary>
/// The methods that a process serves, for Kestrel listeners with HTTP/2. Methods are added while the process is
/// composed, then it is thread-safe.
/// </summary>
public sealed class RpcServer(RpcServerOptions? options = null, TimeProvider? time = null, ILogger? logger = null)
{
    private readonly Dictionary<string, IRpcHandler> _handlers = new(StringComparer.Ordinal);

    internal RpcServerOptions Options { get; } = options ?? new();

    internal TimeProvider Time { get; } = time ?? TimeProvider.System;

    internal ILogger Logger { get; } = logger ?? NullLogger.Instance;

    /// <summary>Serves a method with one request and one response.</summary>
    public RpcServer Unary<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, Func<TRequest, RpcServerCall, Task<TResponse>> serve)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() =>
        Add(method, async (requests, responses, call) =>
        {
            var request = await requests.ReadOnlyAsync(call.CancellationToken);
            await responses.WriteAsync(await serve(request, call));
        });

    /// <summary>Serves a method with one request and a stream of responses.</summary>
    public RpcServer ServerStreaming<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, Func<TRequest, IRpcWriter<TResponse>, RpcServerCall, Task> serve)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() =>
        Add(method, async (requests, responses, call) =>
            await serve(await requests.ReadOnlyAsync(call.CancellationToken), responses, call));

    /// <summary>Serves a method with a stream of requests and one response.</summary>
    public RpcServer ClientStreaming<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method,
        Func<IAsyncEnumerable<TRequest>, RpcServerCall, Task<TResponse>> serve)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() =>
        Add(method, async (requests, responses, call) =>
            await responses.WriteAsync(await serve(requests.ReadAllAsync(call.CancellationToken), call)));

    /// <summary>Serves a method with streams both ways.</summary>
    public RpcServer Duplex<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method,
        Func<IAsyncEnumerable<TRequest>, IRpcWriter<TResponse>, RpcServerCall, Task> serve)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() =>
        Add(method, (requests, responses, call) =>
            serve(requests.ReadAllAsync(call.CancellationToken), responses, call));

    /// <summary>
    /// Serves a request if it is a call; false leaves it to others. Anything with the content type of gRPC is a call; a
    /// method's path with another one is refused with 415 (PROTOCOL-HTTP2, Requests).
    /// </summary>
    public async Task<bool> TryServeAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var request = context.Request;
        var isCall = request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true
            && !request.ContentType.StartsWith("application/grpc-web", StringComparison.OrdinalIgnoreCase);
        var known = _handlers.TryGetValue(request.Path.Value ?? "", out var handler);
        if (!isCall && !known) return false;
        if (!isCall) context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
        else if (!HttpMethods.IsPost(request.Method))
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        else if (!HttpProtocol.IsHttp2(request.Protocol) && !HttpProtocol.IsHttp3(request.Protocol))
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
        else if (handler is null)
            ResponseStatus.Refuse(
                context, new(RpcStatusCode.Unimplemented, $"no method {request.Path}"), Options);
        else await handler.ServeAsync(context);
        return true;
    }

    private RpcServer Add<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, RpcBody<TRequest, TResponse> body)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new()
    {
        ArgumentNullException.ThrowIfNull(method);
        _handlers.Add(method.Path, new RpcHandler<TRequest, TResponse>(this, method, body));
        return this;
    }
}

/// <summary>Puts services into a web application.</summary>
public static class RpcApplication
{
    /// <summary>Serves calls; everything else goes on to what is added after.</summary>
    public static void UseRpc(this IApplicationBuilder app, RpcServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        app.Use(async (context, next) =>
        {
            if (!await server.TryServeAsync(context)) await next(context);
        });
    }
}
