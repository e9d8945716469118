using System.Net;
using AgentRuntime.Rpc.Framing;
using AgentRuntime.Rpc.Metadata;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Rpc.Server;

/// <summary>What a method does with a call.</summary>
internal delegate Task RpcBody<TRequest, TResponse>(
    RequestReader<TRequest> requests, IRpcWriter<TResponse> responses, RpcServerCall call)
    where TRequest : class, IMessage<TRequest>, new()
    where TResponse : class, IMessage<TResponse>, new();

/// <summary>Serves calls of one method. Thread-safe.</summary>
internal interface IRpcHandler
{
    Task ServeAsync(HttpContext context);
}

/// <summary>Serves calls of one method: headers, deadline, messages, status. Thread-safe.</summary>
internal sealed partial class RpcHandler<TRequest, TResponse>(
    RpcServer server, RpcMethod<TRequest, TResponse> method, RpcBody<TRequest, TResponse> body) : IRpcHandler
    where TRequest : class, IMessage<TRequest>, new()
    where TResponse : class, IMessage<TResponse>, new()
{
    private const int ResetCancel = 8;

    public async Task ServeAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        string? coding = headers["grpc-encoding"];
        if (!MessageCoding.IsKnown(coding))
        {
            ResponseStatus.Refuse(
                context, new(RpcStatusCode.Unimplemented, $"no encoding '{coding}'"), server.Options);
            return;
        }

        TimeSpan? timeout = null;
        if (headers["grpc-timeout"] is [{ } text])
        {
            if (!RpcTimeout.TryParse(text, out var value))
            {
                ResponseStatus.Refuse(
                    context, new(RpcStatusCode.Internal, "grpc-timeout does not parse"), server.Options);
                return;
            }

            timeout = value;
        }

        LiftHttpLimits(context);
        await ServeAsync(context, coding, timeout);
    }

    /// <summary>A stream may stay open and send as little and as much as its messages allow.</summary>
    private static void LiftHttpLimits(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate) rate.MinDataRate = null;
    }

    private async Task ServeAsync(HttpContext context, string? coding, TimeSpan? timeout)
    {
        var stopping = context.RequestServices.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? default;
        using var deadline = timeout is { } t ? new CancellationTokenSource(t, server.Time) : null;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, stopping, deadline?.Token ?? CancellationToken.None);
        var metadata = new RpcMetadata();
        foreach (var (name, values) in context.Request.Headers)
            foreach (var value in values)
                if (value is not null)
                    metadata.Receive(name, value);
        var remote = context.Connection.RemoteIpAddress is { } ip
            ? new IPEndPoint(ip, context.Connection.RemotePort)
            : null;
        var call = new RpcServerCall(method.Path, metadata, server.Time.GetUtcNow() + timeout, remote, end.Token);
        var requests = new RequestReader<TRequest>(
            new(context.Request.BodyReader, method.RequestParser, coding, server.Options.MaxReceiveBytes),
            server.Options.RequestWithin, server.Time);
        var compress = server.Options.Compress
            && MessageCoding.Accepts(context.Request.Headers["grpc-accept-encoding"]);
        using var responses = new ResponseWriter<TResponse>(context, call, compress, server.Options);

        var work = RunAsync(requests, responses, call, deadline, stopping);
        if (deadline is not null)
        {
            var late = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = deadline.Token.UnsafeRegister(
                static state => ((TaskCompletionSource)state!).TrySetResult(), late);
            if (await Task.WhenAny(work, late.Task) != work)
            {
                // The client hears of it now, however long the service takes to stop (Client Cancellation).
                await responses.EndAsync(Late());
                context.Features.Get<IHttpResetFeature>()?.Reset(ResetCancel);
            }
        }

        var status = await work;
        if (!context.RequestAborted.IsCancellationRequested) await responses.EndAsync(status);
    }

    /// <summary>Runs the method; whatever it throws is a status.</summary>
    private async Task<RpcStatus> RunAsync(
        RequestReader<TRequest> requests, IRpcWriter<TResponse> responses, RpcServerCall call,
        CancellationTokenSource? deadline, CancellationToken stopping)
    {
        try
        {
            await body(requests, responses, call);
            return deadline?.IsCancellationRequested == true ? Late() : RpcStatus.Ok;
        }
        catch (RpcException e)
        {
            foreach (var entry in e.Trailers)
            {
                if (entry.Text is { } text) call.Trailers.Add(entry.Name, text);
                else call.Trailers.Add(entry.Name, entry.Bytes);
            }

            return e.Status;
        }
        catch (Exception e) when (call.CancellationToken.IsCancellationRequested)
        {
            if (deadline?.IsCancellationRequested == true) return Late();
            if (stopping.IsCancellationRequested) return new(RpcStatusCode.Unavailable, "the server is stopping");
            return new(RpcStatusCode.Cancelled, e is OperationCanceledException ? "cancelled" : "the client is gone");
        }
        catch (Exception e)
        {
            // What it was is for the log, not for the client.
            LogFailed(server.Logger, method.Path, e);
            return new(RpcStatusCode.Unknown, "the method failed");
        }
    }

    private static RpcStatus Late() => new(RpcStatusCode.DeadlineExceeded, "the deadline has passed");

    [LoggerMessage(4800, LogLevel.Error, "{Method} failed")]
    private static partial void LogFailed(ILogger logger, string method, Exception exception);
}
