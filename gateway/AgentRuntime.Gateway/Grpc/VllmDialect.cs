using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary><c>vllm.grpc.engine.VllmEngine</c>: vLLM, and the bundled node.</summary>
internal sealed class VllmDialect(RpcChannel channel) : EngineDialect(channel)
{
    public override async Task<bool> IsHealthyAsync(RpcCallOptions options, CancellationToken cancellationToken) =>
        (await Channel.UnaryAsync(VllmEngine.HealthCheck, new(), options, cancellationToken)).Healthy;

    public override async Task<EngineInfo> InfoAsync(RpcCallOptions options, CancellationToken cancellationToken)
    {
        var info = await Channel.UnaryAsync(VllmEngine.GetServerInfo, new(), options, cancellationToken);
        return new(info.ServerType, info.UptimeSeconds);
    }

    public override async Task<ModelInfo> ModelAsync(RpcCallOptions options, CancellationToken cancellationToken)
    {
        var model = await Channel.UnaryAsync(VllmEngine.GetModelInfo, new(), options, cancellationToken);
        return new(
            model.ServedModelName, model.MaxContextLength,
            $"{model.ModelPath} {model.TokenizerPath} {model.VocabSize}", model.DefaultSamplingParamsJson);
    }

    public override async Task<IReadOnlyList<SchedulerLoad>> LoadsAsync(
        RpcCallOptions options, CancellationToken cancellationToken) =>
        (await Channel.UnaryAsync(VllmEngine.GetLoads, new(), options, cancellationToken)).Loads;

    public override RpcCall<GetTokenizerRequest, GetTokenizerChunk> Tokenizer(
        RpcCallOptions options, CancellationToken cancellationToken) =>
        Channel.ServerStreaming(VllmEngine.GetTokenizer, new(), options, cancellationToken);

    public override IGeneration Generate(
        GenerateRequest request, Bootstrap? bootstrap, RpcCallOptions options, CancellationToken cancellationToken) =>
        new Generation<GenerateRequest, GenerateResponse>(
            Channel.ServerStreaming(VllmEngine.Generate, request, options, cancellationToken), static r => r);

    public override Task AbortAsync(IReadOnlyList<string> requestIds, RpcCallOptions options) =>
        Channel.UnaryAsync(VllmEngine.Abort, new() { RequestIds = { requestIds } }, options, CancellationToken.None);
}
