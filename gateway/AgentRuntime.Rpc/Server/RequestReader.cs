using System.Runtime.CompilerServices;
using AgentRuntime.Rpc.Framing;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Server;

/// <summary>The requests of a call, in order. One reader.</summary>
internal sealed class RequestReader<T>(MessageReader<T> messages)
    where T : class, IMessage<T>, new()
{
    /// <exception cref="RpcException">
    /// Unimplemented: there is none, or more than one (grpc: doc/statuscodes.md).
    /// </exception>
    public async ValueTask<T> ReadOnlyAsync(CancellationToken cancellationToken)
    {
        var message = await NextAsync(cancellationToken);
        return message is not null && await NextAsync(cancellationToken) is null
            ? message
            : throw new RpcException(RpcStatusCode.Unimplemented, "the request is not exactly one message");
    }

    public async IAsyncEnumerable<T> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await NextAsync(cancellationToken) is { } message) yield return message;
    }

    /// <summary>A client that resets the stream or is gone has cancelled, however Kestrel says it.</summary>
    private async ValueTask<T?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await messages.ReadAsync(cancellationToken);
        }
        catch (IOException e)
        {
            throw new OperationCanceledException("the client cancelled", e);
        }
    }
}
