using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary>The few functions of libzmq 4 (zmq.h) that publishing needs. A socket belongs to one thread.</summary>
internal static unsafe partial class Zmq
{
    public const string Library = "libzmq.so.5";
    public const int Publisher = 1;
    public const int Router = 6;
    public const int SendMore = 2;
    public const int DontWait = 1;
    public const int OptionSendBuffer = 11;
    public const int OptionReceiveMore = 13;
    public const int OptionLinger = 17;
    public const int OptionMostMessageBytes = 22;
    public const int OptionSendHighWaterMark = 23;
    public const int OptionReceiveTimeout = 27;
    public const int OptionLastEndpoint = 32;
    public const int OptionRouterMandatory = 33;
    public const int OptionTcpMostRetransmit = 80;

    /// <summary>EHOSTUNREACH of errno.h, which zmq.h takes over.</summary>
    public const int HostUnreachable = 113;

    [LibraryImport(Library, EntryPoint = "zmq_errno")]
    public static partial int ErrorNumber();

    [LibraryImport(Library, EntryPoint = "zmq_ctx_new")]
    public static partial nint ContextNew();

    [LibraryImport(Library, EntryPoint = "zmq_ctx_term")]
    public static partial int ContextTerminate(nint context);

    [LibraryImport(Library, EntryPoint = "zmq_socket")]
    public static partial nint Socket(nint context, int type);

    [LibraryImport(Library, EntryPoint = "zmq_close")]
    public static partial int Close(nint socket);

    [LibraryImport(Library, EntryPoint = "zmq_bind")]
    public static partial int Bind(nint socket, byte* endpoint);

    [LibraryImport(Library, EntryPoint = "zmq_setsockopt")]
    public static partial int SetOption(nint socket, int option, void* value, nuint size);

    [LibraryImport(Library, EntryPoint = "zmq_getsockopt")]
    public static partial int GetOption(nint socket, int option, void* value, nuint* size);

    [LibraryImport(Library, EntryPoint = "zmq_send")]
    public static partial int Send(nint socket, byte* data, nuint size, int flags);

    [LibraryImport(Library, EntryPoint = "zmq_recv")]
    public static partial int Receive(nint socket, byte* data, nuint size, int flags);
}
