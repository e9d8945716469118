using System.Runtime.CompilerServices;
using AgentRuntime.Rpc.Framing;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Server;

/// <summary>The requests of a call, in order. One reader.</summary>
/// <param name="messages">The messages.</param>
/// <param name="within">How long the only one may be on its way.</param>
/// <param name="time">The clock of that.</param>
internal sealed class RequestReader<T>(MessageReader<T> messages, TimeSpan within, TimeProvider time)
    where T : class, IMessage<T>, new()
{
    /// <exception cref="RpcException">
    /// Unimplemented: there is none, or more than one (grpc: doc/statuscodes.md). DeadlineExceeded: it is not whole in
    /// time.
    /// </exception>
    public async ValueTask<T> ReadOnlyAsync(CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(within, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            var message = await NextAsync(both.Token);
            return message is not null && await NextAsync(both.Token) is null
                ? message
                : throw new RpcException(RpcStatusCode.Unimplemented, "the request is not exactly one message");
        }
        catch (OperationCanceledException e)
            when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // Half a message would hold its memory, and a stream of its connection, for as long as that is open.
            throw new RpcException(RpcStatusCode.DeadlineExceeded, "the request was not whole in time", e);
        }
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
