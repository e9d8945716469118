using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Events;

/// <summary>A bound ZeroMQ socket with a context of its own. One thread at a time; disposed by the last.</summary>
internal sealed unsafe class ZmqSocket : IDisposable
{
    /// <summary>The longest frame that is taken of a peer: subscriptions and numbers are all that it sends.</summary>
    private const long MostBytes = 4096;

    /// <summary>What the kernel may hold for one peer; it would let that grow to several MiB.</summary>
    private const int SendBufferBytes = 256 << 10;

    /// <summary>How long a peer may take nothing of what was sent to it: its queue ends with its connection.</summary>
    private const int MostSilenceMilliseconds = 30_000;

    private readonly nint _context;
    private readonly nint _socket;
    private int _receiveWait = -1;

    /// <summary>Binds.</summary>
    /// <param name="type">Of zmq.h.</param>
    /// <param name="host">The address to listen on.</param>
    /// <param name="port">The port; 0 for any that is free.</param>
    /// <param name="queued">Messages that wait for one peer at most; what comes on top is not taken for it.</param>
    /// <exception cref="RuntimeErrorException">AR8004 libzmq is not installed; AR8003 the port is taken.</exception>
    public ZmqSocket(int type, string host, int port, int queued)
    {
        try
        {
            _context = Zmq.ContextNew();
        }
        catch (DllNotFoundException e)
        {
            throw new RuntimeErrorException(
                new(ReasonCodes.MissingNativeLibrary, "libzmq is not installed", "KV events",
                    "Run 'apt-get install libzmq5'."), e);
        }

        _socket = Zmq.Socket(_context, type);
        // Nothing is kept for a subscriber that is gone, and one that is slow loses events and replays them.
        Set(Zmq.OptionLinger, 0);
        Set(Zmq.OptionSendHighWaterMark, queued);
        var most = MostBytes;
        _ = Zmq.SetOption(_socket, Zmq.OptionMostMessageBytes, &most, sizeof(long));
        Set(Zmq.OptionSendBuffer, SendBufferBytes);
        Set(Zmq.OptionTcpMostRetransmit, MostSilenceMilliseconds);
        // Else what a peer has no room for is lost without a word.
        if (type == Zmq.Router) Set(Zmq.OptionRouterMandatory, 1);
        var wanted = $"tcp://{(host is "localhost" ? "127.0.0.1" : host)}:{(port == 0 ? "*" : port)}";
        fixed (byte* endpoint = Encoding.ASCII.GetBytes(wanted + "\0"))
        {
            if (Zmq.Bind(_socket, endpoint) != 0)
            {
                Dispose();
                throw new RuntimeErrorException(
                    new(ReasonCodes.PortInUse, $"cannot publish KV events at {wanted}", "KV events",
                        "Choose another port."));
            }
        }

        Endpoint = LastEndpoint();
    }

    /// <summary>Where it is bound, with the port that it got.</summary>
    public string Endpoint { get; }

    /// <summary>Sends a message, and never waits; what a ROUTER does not send it says.</summary>
    public ZmqSent Send(params ReadOnlySpan<byte[]> frames)
    {
        for (var i = 0; i < frames.Length; i++)
        {
            var flags = Zmq.DontWait | (i < frames.Length - 1 ? Zmq.SendMore : 0);
            fixed (byte* data = frames[i])
            {
                if (Zmq.Send(_socket, data, (nuint)frames[i].Length, flags) < 0)
                    return Zmq.ErrorNumber() == Zmq.HostUnreachable ? ZmqSent.Gone : ZmqSent.Full;
            }
        }

        return ZmqSent.Queued;
    }

    /// <summary>
    /// The next message, each frame cut to 256 bytes and at most 8 of them; null after so many ms without one.
    /// </summary>
    public List<byte[]>? Receive(int waitMilliseconds)
    {
        if (waitMilliseconds != _receiveWait) Set(Zmq.OptionReceiveTimeout, _receiveWait = waitMilliseconds);
        List<byte[]> frames = [];
        var buffer = stackalloc byte[256];
        do
        {
            var length = Zmq.Receive(_socket, buffer, 256, 0);
            if (length < 0) return null;
            if (frames.Count < 8) frames.Add(new ReadOnlySpan<byte>(buffer, Math.Min(length, 256)).ToArray());
        }
        while (HasMore());

        return frames;
    }

    public void Dispose()
    {
        _ = Zmq.Close(_socket);
        _ = Zmq.ContextTerminate(_context);
    }

    private void Set(int option, int value) => _ = Zmq.SetOption(_socket, option, &value, sizeof(int));

    private bool HasMore()
    {
        int more;
        nuint size = sizeof(int);
        return Zmq.GetOption(_socket, Zmq.OptionReceiveMore, &more, &size) == 0 && more != 0;
    }

    private string LastEndpoint()
    {
        var buffer = stackalloc byte[256];
        nuint size = 256;
        return Zmq.GetOption(_socket, Zmq.OptionLastEndpoint, buffer, &size) == 0 && size > 1
            ? Encoding.ASCII.GetString(buffer, (int)size - 1)
            : "";
    }
}

/// <summary>What became of a message.</summary>
internal enum ZmqSent : byte
{
    /// <summary>It is on its way, or nobody wants it.</summary>
    Queued = 1,

    /// <summary>The peer has not read enough of what came before.</summary>
    Full = 2,

    /// <summary>The peer is not there.</summary>
    Gone = 3,
}
