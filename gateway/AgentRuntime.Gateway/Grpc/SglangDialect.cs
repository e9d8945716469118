using System.Globalization;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.SgLang;
using AgentRuntime.Rpc.Vllm;
using Wire = AgentRuntime.Rpc.SgLang;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>sglang.grpc.scheduler.SglangScheduler</c>: much the same messages with other numbers, no seed, and a bootstrap
/// room of 31 bits, for which the router's is cut on both sides alike.
/// </summary>
internal sealed class SglangDialect(RpcChannel channel) : EngineDialect(channel)
{
    public override async Task<bool> IsHealthyAsync(RpcCallOptions options, CancellationToken cancellationToken) =>
        (await Channel.UnaryAsync(SglangScheduler.HealthCheck, new(), options, cancellationToken)).Healthy;

    public override async Task<EngineInfo> InfoAsync(RpcCallOptions options, CancellationToken cancellationToken)
    {
        var info = await Channel.UnaryAsync(SglangScheduler.GetServerInfo, new(), options, cancellationToken);
        return new("sglang", info.UptimeSeconds);
    }

    public override async Task<ModelInfo> ModelAsync(RpcCallOptions options, CancellationToken cancellationToken)
    {
        var model = await Channel.UnaryAsync(SglangScheduler.GetModelInfo, new(), options, cancellationToken);
        return new(
            model.ServedModelName, model.MaxContextLength,
            $"{model.ModelPath} {model.TokenizerPath} {model.VocabSize} {model.WeightVersion}",
            model.DefaultSamplingParamsJson);
    }

    public override async Task<IReadOnlyList<Rpc.Vllm.SchedulerLoad>> LoadsAsync(
        RpcCallOptions options, CancellationToken cancellationToken)
    {
        var loads = await Channel.UnaryAsync(
            SglangScheduler.GetLoads, new() { Include = { "core" } }, options, cancellationToken);
        return [.. loads.Loads.Select(load => new Rpc.Vllm.SchedulerLoad
        {
            DpRank = load.DpRank,
            NumRunningReqs = load.NumRunningReqs,
            NumWaitingReqs = load.NumWaitingReqs,
            TokenUsage = load.TokenUsage,
        })];
    }

    public override RpcCall<GetTokenizerRequest, GetTokenizerChunk> Tokenizer(
        RpcCallOptions options, CancellationToken cancellationToken) =>
        Channel.ServerStreaming(SglangScheduler.GetTokenizer, new(), options, cancellationToken);

    public override IGeneration Generate(
        Rpc.Vllm.GenerateRequest request, Bootstrap? bootstrap, RpcCallOptions options,
        CancellationToken cancellationToken)
    {
        var sampling = request.SamplingParams;
        var message = new Wire.GenerateRequest
        {
            RequestId = request.RequestId,
            Tokenized = new() { InputIds = { request.Tokenized.InputIds } },
            SamplingParams = Sampling(sampling),
            ReturnLogprob = sampling.HasLogprobs,
            LogprobStartLen = -1,
            TopLogprobsNum = sampling.HasLogprobs ? sampling.Logprobs : 0,
            Stream = request.Stream,
        };
        if (bootstrap is not null)
        {
            message.DisaggregatedParams = new()
            {
                BootstrapHost = bootstrap.Host,
                BootstrapPort = bootstrap.Port,
                BootstrapRoom = (int)(bootstrap.Room & int.MaxValue),
            };
        }

        return new Generation<Wire.GenerateRequest, Wire.GenerateResponse>(
            Channel.ServerStreaming(SglangScheduler.Generate, message, options, cancellationToken), Turned);
    }

    public override Task AbortAsync(IReadOnlyList<string> requestIds, RpcCallOptions options) =>
        Task.WhenAll(requestIds.Select(id => Channel.UnaryAsync(
            SglangScheduler.Abort, new() { RequestId = id, Reason = "the client left" }, options,
            CancellationToken.None)));

    private static Wire.SamplingParams Sampling(Rpc.Vllm.SamplingParams p)
    {
        if (p.HasSeed)
            throw LegRefusal.Unsupported("a seed when it is SGLang");
        if (p.HasTruncatePromptTokens)
            throw LegRefusal.Unsupported("truncate_prompt_tokens when it is SGLang");
        var result = new Wire.SamplingParams
        {
            Temperature = p.Temperature,
            TopP = p.TopP,
            TopK = p.TopK == 0 ? -1 : (int)Math.Min(p.TopK, int.MaxValue),
            MinP = p.MinP,
            FrequencyPenalty = p.FrequencyPenalty,
            PresencePenalty = p.PresencePenalty,
            RepetitionPenalty = p.RepetitionPenalty,
            Stop = { p.Stop },
            StopTokenIds = { p.StopTokenIds },
            SkipSpecialTokens = p.SkipSpecialTokens,
            SpacesBetweenSpecialTokens = p.SpacesBetweenSpecialTokens,
            N = p.N,
            MinNewTokens = p.MinTokens,
            IgnoreEos = p.IgnoreEos,
            NoStopTrim = p.IncludeStopStrInOutput,
        };
        if (p.HasMaxTokens)
            result.MaxNewTokens = p.MaxTokens;
        foreach (var (token, bias) in p.LogitBias)
            result.LogitBias[token.ToString(CultureInfo.InvariantCulture)] = bias;
        switch (p.ConstraintCase)
        {
            case Rpc.Vllm.SamplingParams.ConstraintOneofCase.JsonSchema:
                result.JsonSchema = p.JsonSchema;
                break;
            case Rpc.Vllm.SamplingParams.ConstraintOneofCase.JsonObject:
                result.JsonSchema = """{"type":"object"}""";
                break;
            case Rpc.Vllm.SamplingParams.ConstraintOneofCase.Regex:
                result.Regex = p.Regex;
                break;
            case Rpc.Vllm.SamplingParams.ConstraintOneofCase.Grammar:
                result.EbnfGrammar = p.Grammar;
                break;
            case Rpc.Vllm.SamplingParams.ConstraintOneofCase.StructuralTag:
                result.StructuralTag = p.StructuralTag;
                break;
            case Rpc.Vllm.SamplingParams.ConstraintOneofCase.Choice:
                throw LegRefusal.Unsupported("a choice of texts when it is SGLang");
        }

        return result;
    }

    private static Rpc.Vllm.GenerateResponse Turned(Wire.GenerateResponse response) => response switch
    {
        { Chunk: { } chunk } => new()
        {
            Chunk = new()
            {
                TokenIds = { chunk.TokenIds },
                PromptTokens = chunk.PromptTokens,
                CachedTokens = chunk.CachedTokens,
                OutputLogprobs = Turned(chunk.OutputLogprobs),
                Index = chunk.Index,
            },
        },
        { Complete: { } complete } => new()
        {
            Complete = new()
            {
                OutputIds = { complete.OutputIds },
                FinishReason = complete.FinishReason,
                PromptTokens = complete.PromptTokens,
                CompletionTokens = complete.CompletionTokens,
                CachedTokens = complete.CachedTokens,
                OutputLogprobs = Turned(complete.OutputLogprobs),
                Index = complete.Index,
            },
        },
        _ => new(),
    };

    private static Rpc.Vllm.OutputLogProbs? Turned(Wire.OutputLogProbs? probabilities) => probabilities is null ? null
        : new()
        {
            TokenIds = { probabilities.TokenIds },
            TokenLogprobs = { probabilities.TokenLogprobs },
            TopLogprobs =
            {
                probabilities.TopLogprobs.Select(t => new Rpc.Vllm.TopLogProbs
                {
                    TokenIds = { t.TokenIds }, Values = { t.Values },
                }),
            },
        };
}
