using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Rpc;

/// <summary>
/// A call that did not end with <see cref="RpcStatusCode.Ok"/>. Thrown by a client's call; a service throws it to end
/// its call with that status and these trailers.
/// </summary>
public sealed class RpcException : Exception
{
    /// <summary>Makes one.</summary>
    public RpcException(RpcStatus status, RpcMetadata? trailers = null, Exception? inner = null)
        : base(status?.ToString(), inner)
    {
        ArgumentNullException.ThrowIfNull(status);
        Status = status;
        Trailers = trailers ?? [];
    }

    /// <summary>Makes one of a code and a message.</summary>
    public RpcException(RpcStatusCode code, string message, Exception? inner = null)
        : this(new RpcStatus(code, message), null, inner)
    {
    }

    /// <summary>How the call ended.</summary>
    public RpcStatus Status { get; }

    /// <summary>
    /// Whether the peer itself ended the call so: false where a connection broke, or a message is wrong.
    /// </summary>
    public bool IsAnswer { get; init; }

    /// <summary>The metadata that came with the status.</summary>
    public RpcMetadata Trailers { get; }
}
