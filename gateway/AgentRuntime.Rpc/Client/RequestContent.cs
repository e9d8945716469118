using System.Buffers;
using System.Net;
using AgentRuntime.Rpc.Framing;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Client;

/// <summary>
/// The request's direction of a call. A call with one request sends it and ends; others hand the stream to the
/// writer until it completes. One writer.
/// </summary>
internal sealed class RequestContent(byte[]? only) : HttpContent
{
    private readonly TaskCompletionSource<Stream?> _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>The frame of a call's only request.</summary>
    public static byte[] Frame(IMessage message, RpcChannelOptions options)
    {
        var buffer = new ArrayBufferWriter<byte>();
        MessageWriter.Write(buffer, message, options.Compress, options.MaxSendBytes);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Sends a message; false when nobody reads requests any more.</summary>
    public async Task<bool> WriteAsync(IMessage message, RpcChannelOptions options, CancellationToken cancellationToken)
    {
        if (_complete.Task.IsCompleted) return false;
        _buffer.ResetWrittenCount();
        MessageWriter.Write(_buffer, message, options.Compress, options.MaxSendBytes);
        if (await _open.Task.WaitAsync(cancellationToken) is not { } stream) return false;
        try
        {
            await stream.WriteAsync(_buffer.WrittenMemory, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            return true;
        }
        catch (Exception e) when (e is IOException or HttpRequestException or ObjectDisposedException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The server has answered or reset the stream: why is in the response's direction.
            return false;
        }
    }

    /// <summary>No more requests follow.</summary>
    public void Complete() => _complete.TrySetResult();

    /// <summary>The call is over: a writer that still waits for the stream stops waiting.</summary>
    public void Abandon()
    {
        _open.TrySetResult(null);
        _complete.TrySetResult();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (only is not null)
        {
            await stream.WriteAsync(only, cancellationToken);
            return;
        }

        // Headers go out now: the server may answer before the first request.
        await stream.FlushAsync(cancellationToken);
        _open.TrySetResult(stream);
        await _complete.Task.WaitAsync(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
