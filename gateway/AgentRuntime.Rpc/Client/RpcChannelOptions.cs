using System.Net.Security;

namespace AgentRuntime.Rpc.Client;

/// <summary>How a client calls. Immutable.</summary>
public sealed record RpcChannelOptions
{
    /// <summary>The largest message that is read; default 4 MiB (gRPC's own default).</summary>
    public int MaxReceiveBytes { get; init; } = 4 << 20;

    /// <summary>The largest message that is sent; default 64 MiB.</summary>
    public int MaxSendBytes { get; init; } = 64 << 20;

    /// <summary>Whether requests of 256 bytes and more are sent as gzip; default no.</summary>
    public bool Compress { get; init; }

    /// <summary>The longest that connecting may take; default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often a connection with calls on it is pinged, so that a peer that vanished is noticed; null (default) for
    /// never, because gRPC servers as a rule end connections that ping more than once in five minutes.
    /// </summary>
    public TimeSpan? KeepAlive { get; init; }

    /// <summary>The largest headers or trailers of a response; default 16 KiB.</summary>
    public int MaxHeadersKibibytes { get; init; } = 16;

    /// <summary>TLS settings for <c>https</c> addresses; null (default) for the system's trust.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }
}

/// <summary>What one call adds. Immutable.</summary>
public sealed record RpcCallOptions
{
    /// <summary>The time that the call may take, sent as <c>grpc-timeout</c>; null (default) for no end.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Custom metadata; null for none.</summary>
    public Metadata.RpcMetadata? Metadata { get; init; }
}
