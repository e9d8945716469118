using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;

namespace AgentRuntime.Gateway;

/// <summary>
/// One connection to a ZeroMQ publisher or router, by ZMTP 3.0 (rfc.zeromq.org/spec/23) with the NULL mechanism,
/// without libzmq: a broken connection shows here at once, and a process that has gone with it. Decision record 0402.
/// Bounded: a message has at most eight frames and the given size. One reader and one writer at a time.
/// </summary>
internal sealed class ZmtpConnection : IAsyncDisposable
{
    private const int GreetingBytes = 64;
    private const int MaxFrames = 8;
    private const int MaxCommandBytes = 4096;
    private const byte More = 1;
    private const byte Long = 2;
    private const byte Command = 4;
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly PipeReader _input;
    private readonly int _maxMessageBytes;

    private ZmtpConnection(Socket socket, int maxMessageBytes)
    {
        _socket = socket;
        _maxMessageBytes = maxMessageBytes;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _input = PipeReader.Create(_stream, new StreamPipeReaderOptions(bufferSize: 64 << 10));
    }

    /// <summary>Connects and shakes hands.</summary>
    /// <param name="address"><c>tcp://host:port</c>.</param>
    /// <param name="socketType"><c>SUB</c> or <c>DEALER</c>.</param>
    /// <param name="maxMessageBytes">The most bytes of one message.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="SocketException">Nobody is there.</exception>
    /// <exception cref="IOException">The peer left.</exception>
    /// <exception cref="InvalidDataException">The peer speaks something else.</exception>
    public static async Task<ZmtpConnection> ConnectAsync(
        Uri address, string socketType, int maxMessageBytes, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        ZmtpConnection? connection = null;
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(address.DnsSafeHost, address.Port, cancellationToken);
            connection = new ZmtpConnection(socket, maxMessageBytes);
            await connection.ShakeHandsAsync(socketType, cancellationToken);
            return connection;
        }
        catch
        {
            if (connection is not null)
                await connection.DisposeAsync();
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Subscribes to topics that begin so; empty for all.</summary>
    public Task SubscribeAsync(string topic, CancellationToken cancellationToken) =>
        SendAsync([[1, .. Encoding.UTF8.GetBytes(topic)]], cancellationToken);

    public async Task SendAsync(IReadOnlyList<byte[]> frames, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(256);
        for (var i = 0; i < frames.Count; i++)
            WriteFrame(output, i < frames.Count - 1 ? More : (byte)0, frames[i]);
        await _stream.WriteAsync(output.WrittenMemory, cancellationToken);
    }

    /// <summary>The next message's frames.</summary>
    public async ValueTask<IReadOnlyList<byte[]>> ReceiveAsync(CancellationToken cancellationToken)
    {
        var frames = new List<byte[]>(4);
        var bytes = 0L;
        while (true)
        {
            var (flags, body) = await ReadFrameAsync(cancellationToken);
            if ((flags & Command) != 0)
            {
                await AnswerAsync(body, cancellationToken);
                continue;
            }

            frames.Add(body);
            bytes += body.Length;
            if (frames.Count > MaxFrames || bytes > _maxMessageBytes)
                throw new InvalidDataException("a ZeroMQ message is larger than allowed");
            if ((flags & More) == 0)
                return frames;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _input.CompleteAsync();
        await _stream.DisposeAsync();
        _socket.Dispose();
    }

    private async Task ShakeHandsAsync(string socketType, CancellationToken cancellationToken)
    {
        var greeting = new byte[GreetingBytes];
        greeting[0] = 0xFF;
        greeting[9] = 0x7F;
        greeting[10] = 3;
        "NULL"u8.CopyTo(greeting.AsSpan(12));
        await _stream.WriteAsync(greeting, cancellationToken);
        var theirs = await ReadExactlyAsync(GreetingBytes, cancellationToken);
        if (theirs[0] != 0xFF || theirs[9] != 0x7F || theirs[10] < 3
            || !theirs.AsSpan(12, 20).TrimEnd((byte)0).SequenceEqual("NULL"u8))
            throw new InvalidDataException("the peer does not speak ZMTP 3 without authentication");

        var ready = new ArrayBufferWriter<byte>(64);
        ready.Write("\u0005READY"u8);
        WriteProperty(ready, "Socket-Type"u8, Encoding.ASCII.GetBytes(socketType));
        if (socketType == "DEALER")
            WriteProperty(ready, "Identity"u8, []);
        var output = new ArrayBufferWriter<byte>(80);
        WriteFrame(output, Command, ready.WrittenSpan);
        await _stream.WriteAsync(output.WrittenMemory, cancellationToken);
        var (flags, answer) = await ReadFrameAsync(cancellationToken);
        if ((flags & Command) == 0 || !answer.AsSpan().StartsWith("\u0005READY"u8))
            throw new InvalidDataException("the peer did not agree to the connection");
    }

    /// <summary>A PING (ZMTP 3.1) is answered with its context; other commands mean nothing to these sockets.</summary>
    private async ValueTask AnswerAsync(byte[] command, CancellationToken cancellationToken)
    {
        if (!command.AsSpan().StartsWith("\u0004PING"u8) || command.Length < 7)
            return;
        var output = new ArrayBufferWriter<byte>(64);
        WriteFrame(output, Command, [.. "\u0004PONG"u8, .. command.AsSpan(7)]);
        await _stream.WriteAsync(output.WrittenMemory, cancellationToken);
    }

    private async ValueTask<(byte Flags, byte[] Body)> ReadFrameAsync(CancellationToken cancellationToken)
    {
        var flags = (await ReadExactlyAsync(1, cancellationToken))[0];
        ulong length = (flags & Long) == 0
            ? (await ReadExactlyAsync(1, cancellationToken))[0]
            : BinaryPrimitives.ReadUInt64BigEndian(await ReadExactlyAsync(8, cancellationToken));
        var most = (flags & Command) != 0 ? MaxCommandBytes : _maxMessageBytes;
        if (length > (ulong)most)
            throw new InvalidDataException("a ZeroMQ frame is larger than allowed");
        return (flags, length == 0 ? [] : await ReadExactlyAsync((int)length, cancellationToken));
    }

    private async ValueTask<byte[]> ReadExactlyAsync(int length, CancellationToken cancellationToken)
    {
        var read = await _input.ReadAtLeastAsync(length, cancellationToken);
        if (read.Buffer.Length < length)
            throw new EndOfStreamException("the peer closed the connection");
        var taken = read.Buffer.Slice(0, length);
        var bytes = taken.ToArray();
        _input.AdvanceTo(taken.End);
        return bytes;
    }

    private static void WriteProperty(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        output.Write([(byte)name.Length]);
        output.Write(name);
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), value.Length);
        output.Advance(4);
        output.Write(value);
    }

    private static void WriteFrame(ArrayBufferWriter<byte> output, byte flags, ReadOnlySpan<byte> body)
    {
        if (body.Length <= byte.MaxValue)
        {
            output.Write([flags, (byte)body.Length]);
        }
        else
        {
            output.Write([(byte)(flags | Long)]);
            BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(8), body.Length);
            output.Advance(8);
        }

        output.Write(body);
    }
}
