using System.Buffers;
using System.Buffers.Binary;

namespace AgentRuntime.Rpc.Framing;

/// <summary>
/// Length-Prefixed-Message: a flag byte, four bytes of length, most significant first, and the message
/// (PROTOCOL-HTTP2, Requests). Stateless.
/// </summary>
internal static class MessageFrame
{
    public const int HeaderBytes = 5;

    /// <summary>
    /// Takes the next message off the front of the buffer; false, with the buffer as it was, when it is not whole yet.
    /// The limit is checked as soon as the header is there, so that nothing larger is ever waited for.
    /// </summary>
    /// <exception cref="RpcException">Internal: the flag is neither 0 nor 1. ResourceExhausted: too large.</exception>
    public static bool TryRead(
        ref ReadOnlySequence<byte> buffer, int maxBytes, out bool compressed, out ReadOnlySequence<byte> message)
    {
        compressed = false;
        message = default;
        if (buffer.Length < HeaderBytes) return false;
        Span<byte> header = stackalloc byte[HeaderBytes];
        buffer.Slice(0, HeaderBytes).CopyTo(header);
        if (header[0] > 1) throw new RpcException(RpcStatusCode.Internal, "a message's flag is neither 0 nor 1");
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > maxBytes) throw TooLarge(length, maxBytes);
        if (buffer.Length - HeaderBytes < length) return false;
        compressed = header[0] == 1;
        message = buffer.Slice(HeaderBytes, length);
        buffer = buffer.Slice(message.End);
        return true;
    }

    /// <summary>Writes the header of a message of that length.</summary>
    public static void WriteHeader(Span<byte> target, bool compressed, int length)
    {
        target[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(target[1..], (uint)length);
    }

    public static RpcException TooLarge(long bytes, int maxBytes) => new(
        RpcStatusCode.ResourceExhausted, FormattableString.Invariant(
            $"a message has {bytes} bytes; the most is {maxBytes}"));
}
