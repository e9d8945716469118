namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>What <see cref="FrameProxy"/> does to an answer.</summary>
internal enum FrameFault : byte
{
    /// <summary>Nothing.</summary>
    None = 1,

    /// <summary>Nothing comes any more, as where a firewall has forgotten the connection.</summary>
    Mute,

    /// <summary>RST_STREAM with INTERNAL_ERROR.</summary>
    Reset,

    /// <summary>RST_STREAM with REFUSED_STREAM, however often it is tried.</summary>
    Refuse,

    /// <summary>GOAWAY by a server that finishes what it has begun.</summary>
    Drain,

    /// <summary>GOAWAY by a server that closes the connection at once.</summary>
    Die,

    /// <summary>PINGs without number: each asks for an answer.</summary>
    Ping,

    /// <summary>Headers that go on for ever.</summary>
    EndlessHeaders,

    /// <summary>Half a message, then nothing.</summary>
    HalfThenSilence,

    /// <summary>Half a message, then the stream's end.</summary>
    HalfThenEnd,

    /// <summary>A message that is to have 4 GiB.</summary>
    TooLong,

    /// <summary>A message that says it is compressed.</summary>
    Compressed,
}
