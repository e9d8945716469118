using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Framing;

/// <summary>Reads the messages of one direction of a call, however the bytes are cut. One reader at a time.</summary>
internal sealed class MessageReader<T>(PipeReader input, MessageParser<T> parser, string? coding, int maxBytes)
    where T : class, IMessage<T>
{
    /// <summary>The next message; null at the end of the stream.</summary>
    /// <exception cref="RpcException">
    /// Internal: the frame or the message does not parse, or the stream ends inside it. ResourceExhausted: too large.
    /// </exception>
    public async ValueTask<T?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken);
            if (result.IsCanceled) throw new OperationCanceledException("the stream was closed");
            var rest = result.Buffer;
            var took = false;
            try
            {
                if (MessageFrame.TryRead(ref rest, maxBytes, out var compressed, out var bytes))
                {
                    took = true;
                    return Parse(bytes, compressed);
                }

                if (result.IsCompleted)
                {
                    return rest.IsEmpty
                        ? null
                        : throw new RpcException(RpcStatusCode.Internal, "the stream ends inside a message");
                }
            }
            finally
            {
                if (took) input.AdvanceTo(rest.Start);
                else input.AdvanceTo(rest.Start, rest.End);
            }
        }
    }

    private T Parse(ReadOnlySequence<byte> bytes, bool compressed)
    {
        if (compressed)
        {
            if (coding is null or MessageCoding.Identity)
                throw new RpcException(RpcStatusCode.Internal, "a message is compressed without grpc-encoding");
            bytes = MessageCoding.Decompress(bytes, maxBytes);
        }

        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new RpcException(RpcStatusCode.Internal, "a message does not parse", e);
        }
    }
}
