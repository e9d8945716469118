using System.Buffers;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Framing;

/// <summary>Writes messages with their prefix. Stateless.</summary>
internal static class MessageWriter
{
    /// <summary>Smaller messages grow by gzip more often than they shrink.</summary>
    private const int CompressFromBytes = 256;

    /// <summary>Puts a message into a buffer.</summary>
    /// <exception cref="RpcException">ResourceExhausted: the message is too large.</exception>
    public static void Write(IBufferWriter<byte> output, IMessage message, bool compress, int maxBytes)
    {
        var size = message.CalculateSize();
        if (size > maxBytes) throw MessageFrame.TooLarge(size, maxBytes);
        if (compress && size >= CompressFromBytes)
        {
            var packed = MessageCoding.Compress(message.ToByteArray());
            MessageFrame.WriteHeader(output.GetSpan(MessageFrame.HeaderBytes), compressed: true, packed.Length);
            output.Advance(MessageFrame.HeaderBytes);
            output.Write(packed);
            return;
        }

        var span = output.GetSpan(MessageFrame.HeaderBytes + size);
        MessageFrame.WriteHeader(span, compressed: false, size);
        message.WriteTo(span.Slice(MessageFrame.HeaderBytes, size));
        output.Advance(MessageFrame.HeaderBytes + size);
    }
}
