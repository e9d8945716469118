using System.Net;
using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Rpc.Server;

/// <summary>What a service knows of the call that it serves. Used by one call; the token is thread-safe.</summary>
public sealed class RpcServerCall
{
    internal RpcServerCall(
        string path, RpcMetadata requestMetadata, DateTimeOffset? deadline, EndPoint? peer, CancellationToken token)
    {
        Path = path;
        RequestMetadata = requestMetadata;
        Deadline = deadline;
        Peer = peer;
        CancellationToken = token;
    }

    /// <summary>The method's path.</summary>
    public string Path { get; }

    /// <summary>What the client sent along.</summary>
    public RpcMetadata RequestMetadata { get; }

    /// <summary>Sent before the first response.</summary>
    public RpcMetadata ResponseMetadata { get; } = [];

    /// <summary>Sent with the status.</summary>
    public RpcMetadata Trailers { get; } = [];

    /// <summary>When the client stops waiting; null for never.</summary>
    public DateTimeOffset? Deadline { get; }

    /// <summary>Where the client is.</summary>
    public EndPoint? Peer { get; }

    /// <summary>Cancelled when the client cancels or leaves, the deadline passes or the server stops.</summary>
    public CancellationToken CancellationToken { get; }
}

/// <summary>Where a service writes the responses of a stream. One writer at a time.</summary>
public interface IRpcWriter<in T>
{
    /// <summary>Sends a response; waits while the client does not read.</summary>
    /// <exception cref="RpcException">ResourceExhausted: the message is too large.</exception>
    /// <exception cref="OperationCanceledException">The call has ended.</exception>
    ValueTask WriteAsync(T response);

    /// <summary>Sends the headers before there is a response, for clients that wait for them.</summary>
    /// <exception cref="OperationCanceledException">The call has ended.</exception>
    ValueTask SendHeadersAsync();
}
