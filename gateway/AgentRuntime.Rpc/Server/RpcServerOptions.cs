using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Rpc.Server;

/// <summary>How services are called. Immutable.</summary>
public sealed record RpcServerOptions
{
    /// <summary>The largest message that is read; default 4 MiB (gRPC's own default).</summary>
    public int MaxReceiveBytes { get; init; } = 4 << 20;

    /// <summary>The largest message that is sent; default 64 MiB.</summary>
    public int MaxSendBytes { get; init; } = 64 << 20;

    /// <summary>
    /// How long the request of a method that takes one may be on its way; default 30 s (Kestrel's for headers). A
    /// stream of requests may take as long as it likes.
    /// </summary>
    public TimeSpan RequestWithin { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Whether responses of 256 bytes and more are sent as gzip to clients that read it; default no.
    /// </summary>
    public bool Compress { get; init; }

    /// <summary>
    /// Adds to the trailers of every call that does not succeed, whoever ended it: the service, the protocol, a
    /// deadline or a bug. Called once a call, when nothing else is added any more; null (default) for nothing.
    /// </summary>
    public Action<RpcStatus, RpcMetadata>? OnFailure { get; init; }
}
