using AgentRuntime.Rpc.Framing;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Rpc.Server;

/// <summary>
/// The responses of a call. A gate keeps a write from overlapping with the end that a deadline puts to the call.
/// </summary>
internal sealed class ResponseWriter<T>(
    HttpContext context, RpcServerCall call, bool compress, RpcServerOptions options) : IRpcWriter<T>, IDisposable
    where T : class, IMessage<T>
{
    private readonly SemaphoreSlim _gate = new(1);
    private bool _closed;

    public async ValueTask WriteAsync(T response)
    {
        await _gate.WaitAsync(call.CancellationToken);
        try
        {
            if (_closed) throw new OperationCanceledException("the call has ended");
            SendHeaders();
            MessageWriter.Write(context.Response.BodyWriter, response, compress, options.MaxSendBytes);
            var flushed = await context.Response.BodyWriter.FlushAsync(call.CancellationToken);
            if (flushed.IsCompleted || flushed.IsCanceled) throw new OperationCanceledException("the client is gone");
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask SendHeadersAsync()
    {
        await _gate.WaitAsync(call.CancellationToken);
        try
        {
            if (_closed) throw new OperationCanceledException("the call has ended");
            SendHeaders();
            await context.Response.StartAsync(call.CancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Ends the response; nothing is written after.</summary>
    public async Task EndAsync(RpcStatus status)
    {
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_closed) return;
            _closed = true;
            if (status.IsOk) SendHeaders();
            else options.OnFailure?.Invoke(status, call.Trailers);
            ResponseStatus.End(context, status, call.Trailers);
            await context.Response.CompleteAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();

    private void SendHeaders()
    {
        if (context.Response.HasStarted || context.Response.ContentType is not null) return;
        context.Response.ContentType = "application/grpc";
        var headers = context.Response.Headers;
        if (compress) headers["grpc-encoding"] = MessageCoding.Gzip;
        headers["grpc-accept-encoding"] = MessageCoding.Accepted;
        foreach (var entry in call.ResponseMetadata) headers.Append(entry.Name, entry.Encoded);
    }
}
