using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>
/// Stands before an engine behind gRPC and spoils its answers to Generate, frame by frame (RFC 9113), while a fault is
/// set. A connection that has gone mute stays so.
/// </summary>
internal sealed class FrameProxy : IAsyncDisposable
{
    private const int PrefaceBytes = 24;
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte ResetStream = 3;
    private const byte Settings = 4;
    private const byte Ping = 6;
    private const byte GoAway = 7;
    private const byte Continuation = 9;
    private const byte EndStream = 1;

    private readonly SocketServer _connections;
    private readonly int _target;

    public FrameProxy(Uri target)
    {
        _target = target.Port;
        _connections = new(ServeAsync);
    }

    public Uri Address => new($"grpc://127.0.0.1:{_connections.Port}");

    /// <summary>What happens to answers.</summary>
    public FrameFault Fault { get; set; } = FrameFault.None;

    /// <summary>Whether it happens after the first message, and not in its place.</summary>
    public bool InMidStream { get; set; }

    /// <summary>Connections that are open.</summary>
    public int Open => _connections.Open;

    public ValueTask DisposeAsync() => _connections.DisposeAsync();

    private async Task ServeAsync(TcpClient client, CancellationToken stopped)
    {
        using var server = new TcpClient();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopped);
        await server.ConnectAsync(IPAddress.Loopback, _target, stop.Token);
        var (near, far) = (client.GetStream(), server.GetStream());
        var stream = new GenerateStream();
        var ask = AskAsync(near, far, stream, stop.Token);
        var answer = AnswerAsync(far, near, stream, stop.Token);
        await Task.WhenAny(ask, answer);
        await stop.CancelAsync();
        await Task.WhenAll(ask, answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task AskAsync(
        NetworkStream from, NetworkStream to, GenerateStream stream, CancellationToken cancellationToken)
    {
        var preface = new byte[PrefaceBytes];
        await from.ReadExactlyAsync(preface, cancellationToken);
        await to.WriteAsync(preface, cancellationToken);
        while (true)
        {
            var frame = await ReadAsync(from, cancellationToken);
            if (frame.Type == Headers && frame.Payload.AsSpan().IndexOf("/Generate"u8) >= 0) stream.Id = frame.Stream;
            await WriteAsync(to, frame, cancellationToken);
        }
    }

    private async Task AnswerAsync(
        NetworkStream from, NetworkStream to, GenerateStream stream, CancellationToken cancellationToken)
    {
        var (messages, spoiled) = (0, 0);
        var isMute = false;
        while (true)
        {
            var frame = await ReadAsync(from, cancellationToken);
            isMute |= Fault == FrameFault.Mute;
            if (isMute || (frame.Stream != 0 && frame.Stream == spoiled)) continue;
            var isOfAnswer = frame.Stream != 0 && frame.Stream == stream.Id;
            if (isOfAnswer && Fault != FrameFault.None && frame.Type == (IsOfMessages ? Data : Headers)
                && frame.Payload.Length > 0 && messages++ == (InMidStream ? 1 : 0))
            {
                if (!await SpoilAsync(to, frame, cancellationToken)) return;
                if (Fault is FrameFault.Drain) await WriteAsync(to, frame, cancellationToken);
                else spoiled = frame.Stream;
                messages = 0;
                continue;
            }

            await WriteAsync(to, frame, cancellationToken);
        }
    }

    /// <summary>In mid-stream everything is of the second message; else what concerns headers comes before.</summary>
    private bool IsOfMessages => InMidStream || Fault is FrameFault.HalfThenSilence or FrameFault.HalfThenEnd
        or FrameFault.TooLong or FrameFault.Compressed;

    /// <summary>Does what the fault says; false when the connection is to end.</summary>
    private async Task<bool> SpoilAsync(NetworkStream to, Frame frame, CancellationToken cancellationToken)
    {
        var id = frame.Stream;
        // The prefix and a byte: one frame may hold more than one message.
        var half = frame with { Flags = 0, Payload = frame.Payload[..Math.Min(6, frame.Payload.Length)] };
        switch (Fault)
        {
            case FrameFault.Reset:
                await WriteAsync(to, new(ResetStream, 0, id, [0, 0, 0, 2]), cancellationToken);
                break;
            case FrameFault.Refuse:
                await WriteAsync(to, new(ResetStream, 0, id, [0, 0, 0, 7]), cancellationToken);
                break;
            case FrameFault.Drain:
                var last = new byte[8];
                BinaryPrimitives.WriteInt32BigEndian(last, id);
                await WriteAsync(to, new(GoAway, 0, 0, last), cancellationToken);
                break;
            case FrameFault.Die:
                await WriteAsync(to, new(GoAway, 0, 0, new byte[8]), cancellationToken);
                return false;
            case FrameFault.Ping:
                while (true) await WriteAsync(to, new(Ping, 0, 0, new byte[8]), cancellationToken);
            case FrameFault.EndlessHeaders:
                await WriteAsync(to, new(Headers, 0, id, [0x88]), cancellationToken);
                var more = new byte[120];
                // A literal that is not indexed: a name of four letters and a value of so many.
                (more[1], more[6]) = (4, 113);
                more.AsSpan(2, 4).Fill((byte)'x');
                more.AsSpan(7).Fill((byte)'y');
                while (true) await WriteAsync(to, new(Continuation, 0, id, more), cancellationToken);
            case FrameFault.HalfThenSilence:
                await WriteAsync(to, half, cancellationToken);
                break;
            case FrameFault.HalfThenEnd:
                await WriteAsync(to, half with { Flags = EndStream }, cancellationToken);
                break;
            case FrameFault.TooLong:
                await WriteAsync(to, frame with { Flags = 0, Payload = [0, 255, 255, 255, 255] }, cancellationToken);
                break;
            case FrameFault.Compressed:
                await WriteAsync(to, frame with { Payload = [1, .. frame.Payload[1..]] }, cancellationToken);
                break;
        }

        return true;
    }

    private static async Task<Frame> ReadAsync(NetworkStream from, CancellationToken cancellationToken)
    {
        var head = new byte[9];
        await from.ReadExactlyAsync(head, cancellationToken);
        var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
        await from.ReadExactlyAsync(payload, cancellationToken);
        return new(head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
    }

    private static async Task WriteAsync(NetworkStream to, Frame frame, CancellationToken cancellationToken)
    {
        var bytes = new byte[9 + frame.Payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, frame.Payload.Length << 8);
        (bytes[3], bytes[4]) = (frame.Type, frame.Flags);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(5), frame.Stream);
        frame.Payload.CopyTo(bytes, 9);
        await to.WriteAsync(bytes, cancellationToken);
    }

    private sealed record Frame(byte Type, byte Flags, int Stream, byte[] Payload);

    /// <summary>The last stream that asked for an answer.</summary>
    private sealed class GenerateStream
    {
        private int _id;

        public int Id
        {
            get => Volatile.Read(ref _id);
            set => Volatile.Write(ref _id, value);
        }
    }
}
