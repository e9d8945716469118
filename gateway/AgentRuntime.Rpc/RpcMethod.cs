using Google.Protobuf;

namespace AgentRuntime.Rpc;

/// <summary>A method of a service and its messages. Immutable and thread-safe.</summary>
/// <param name="Service">The full name of the service, as <c>grpc.health.v1.Health</c>.</param>
/// <param name="Name">The method's name.</param>
public sealed record RpcMethod<TRequest, TResponse>(string Service, string Name)
    where TRequest : class, IMessage<TRequest>, new()
    where TResponse : class, IMessage<TResponse>, new()
{
    /// <summary>The path of requests (PROTOCOL-HTTP2: <c>"/" Service-Name "/" {method name}</c>).</summary>
    public string Path { get; } = $"/{Service}/{Name}";

    /// <summary>Reads requests.</summary>
    public MessageParser<TRequest> RequestParser { get; } = new(static () => new());

    /// <summary>Reads responses.</summary>
    public MessageParser<TResponse> ResponseParser { get; } = new(static () => new());
}
