using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>What an engine behind gRPC says of itself. Immutable.</summary>
/// <param name="ServerType">What it calls itself.</param>
/// <param name="UptimeSeconds">Since its start; 0 when it does not say.</param>
internal sealed record EngineInfo(string ServerType, double UptimeSeconds);

/// <summary>What an engine behind gRPC says of its model. Immutable.</summary>
/// <param name="Name">By which clients ask for it.</param>
/// <param name="ContextTokens">Tokens of its context.</param>
/// <param name="Identity">Changes when another model is served.</param>
/// <param name="DefaultSampling">JSON of what it samples with by default; may be empty.</param>
internal sealed record ModelInfo(string Name, long ContextTokens, string Identity, string DefaultSampling);

/// <summary>A generation that is running. One reader.</summary>
internal interface IGeneration : IAsyncDisposable
{
    /// <summary>How it ended; null while it has not.</summary>
    RpcStatus? Status { get; }

    /// <summary>The next message; null after the end.</summary>
    /// <exception cref="RpcException">The engine refused or failed.</exception>
    Task<GenerateResponse?> ReadAsync();
}

/// <summary>
/// The service that an engine offers over gRPC. vLLM's messages are those of all: others are turned into them.
/// Thread-safe.
/// </summary>
internal abstract class EngineDialect(RpcChannel channel)
{
    protected RpcChannel Channel => channel;

    public abstract Task<bool> IsHealthyAsync(RpcCallOptions options, CancellationToken cancellationToken);

    public abstract Task<EngineInfo> InfoAsync(RpcCallOptions options, CancellationToken cancellationToken);

    public abstract Task<ModelInfo> ModelAsync(RpcCallOptions options, CancellationToken cancellationToken);

    public abstract Task<IReadOnlyList<SchedulerLoad>> LoadsAsync(
        RpcCallOptions options, CancellationToken cancellationToken);

    public abstract RpcCall<GetTokenizerRequest, GetTokenizerChunk> Tokenizer(
        RpcCallOptions options, CancellationToken cancellationToken);

    /// <exception cref="LegRefusal">The engine's messages cannot carry it.</exception>
    public abstract IGeneration Generate(
        GenerateRequest request, Bootstrap? bootstrap, RpcCallOptions options, CancellationToken cancellationToken);

    public abstract Task AbortAsync(IReadOnlyList<string> requestIds, RpcCallOptions options);

    /// <summary>A generation whose messages are turned into vLLM's.</summary>
    protected sealed class Generation<TRequest, TResponse>(
        RpcCall<TRequest, TResponse> call, Func<TResponse, GenerateResponse> turn) : IGeneration
        where TRequest : class, Google.Protobuf.IMessage<TRequest>, new()
        where TResponse : class, Google.Protobuf.IMessage<TResponse>, new()
    {
        public RpcStatus? Status => call.Status;

        public async Task<GenerateResponse?> ReadAsync() =>
            await call.ReadAsync() is { } response ? turn(response) : null;

        public ValueTask DisposeAsync() => call.DisposeAsync();
    }
}
