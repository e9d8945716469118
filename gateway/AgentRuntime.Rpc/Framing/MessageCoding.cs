using System.Buffers;
using System.IO.Compression;

namespace AgentRuntime.Rpc.Framing;

/// <summary>
/// Content-Coding of messages: identity and gzip, a new context for each message (PROTOCOL-HTTP2, Compressed-Flag).
/// Stateless.
/// </summary>
internal static class MessageCoding
{
    public const string Identity = "identity";
    public const string Gzip = "gzip";

    /// <summary>The value of <c>grpc-accept-encoding</c>.</summary>
    public const string Accepted = "identity,gzip";

    public static bool IsKnown(string? coding) => coding is null or Identity or Gzip;

    /// <summary>Whether a peer that sent this <c>grpc-accept-encoding</c> reads gzip.</summary>
    public static bool Accepts(string? accepted) => accepted is not null
        && accepted.Split(',', StringSplitOptions.TrimEntries).Contains(Gzip, StringComparer.OrdinalIgnoreCase);

    public static byte[] Compress(ReadOnlySpan<byte> message)
    {
        using var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(message);
        return target.ToArray();
    }

    /// <summary>The message; memory grows with what comes out and stops at the limit, whatever was promised.</summary>
    /// <exception cref="RpcException">Internal: it is not gzip. ResourceExhausted: too large.</exception>
    public static ReadOnlySequence<byte> Decompress(ReadOnlySequence<byte> message, int maxBytes)
    {
        using var gzip = new GZipStream(new MemoryStream(message.ToArray(), writable: false),
            CompressionMode.Decompress);
        var target = new ArrayBufferWriter<byte>();
        try
        {
            while (true)
            {
                var count = gzip.Read(target.GetSpan(4096));
                if (count == 0) return new(target.WrittenMemory);
                target.Advance(count);
                if (target.WrittenCount > maxBytes) throw MessageFrame.TooLarge(target.WrittenCount, maxBytes);
            }
        }
        catch (InvalidDataException e)
        {
            throw new RpcException(RpcStatusCode.Internal, "a message is marked as gzip and is not", e);
        }
    }
}
