using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;
using AgentRuntime.Rpc.Health;
using AgentRuntime.Rpc.Server;
using AgentRuntime.Rpc.Vllm;
using Serving = AgentRuntime.Rpc.Health.HealthCheckResponse.Types.ServingStatus;

namespace AgentRuntime.Node.Grpc;

/// <summary>
/// <c>vllm.grpc.engine.VllmEngine</c> and <c>grpc.health.v1.Health</c> on a node. One for the node; thread-safe.
/// </summary>
internal sealed class VllmService
{
    private readonly NodeService _node;
    private readonly RunningRequests _running = new();
    private readonly GenerateMethod _generate;
    private readonly TokenizerArchive _tokenizer;
    private readonly HealthService _health = new()
    {
        TrailersWhenFull = RpcRefusal.Trailers(ReasonCodes.Saturated),
    };

    private readonly long _startedAt;

    public VllmService(NodeService node)
    {
        _node = node;
        _generate = new(node, _running);
        _tokenizer = new(node);
        _startedAt = node.Time.GetTimestamp();
        _health.Set("", Serving.Serving);
        _health.Set(VllmEngine.Service, Serving.Serving);
        _ = node.Engine.Stopped.ContinueWith(
            _ =>
            {
                _health.Set("", Serving.NotServing);
                _health.Set(VllmEngine.Service, Serving.NotServing);
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    public RpcServer CreateServer()
    {
        // Token ids of a long prompt are up to five bytes each: the limit of HTTP bodies is the limit here too.
        var server = new RpcServer(
            new() { MaxReceiveBytes = (int)_node.Options.MaxBody.Value, OnFailure = RpcRefusal.AddCode }, _node.Time,
            _node.Log);
        _health.AddTo(server);
        return server
            .ServerStreaming(VllmEngine.Generate, (request, responses, call) => RpcRefusal.GuardAsync(
                () => _generate.ServeAsync(request, responses, call)))
            .Unary(VllmEngine.Embed, (request, call) => RpcRefusal.GuardAsync(() => EmbedAsync(request, call)))
            .Unary(VllmEngine.Abort, (request, _) => Task.FromResult(Abort(request)))
            .Unary(VllmEngine.HealthCheck, (_, _) => Task.FromResult(Health()))
            .Unary(VllmEngine.GetModelInfo, (_, _) => Task.FromResult(ModelInfo()))
            .Unary(VllmEngine.GetServerInfo, (_, _) => Task.FromResult(ServerInfo()))
            .Unary(VllmEngine.GetLoads, (_, _) => Task.FromResult(Loads()))
            .ServerStreaming(VllmEngine.GetTokenizer, (_, responses, _) => RpcRefusal.GuardAsync(
                () => _tokenizer.ServeAsync(responses)))
            .ServerStreaming(VllmEngine.SubscribeKvEvents, (request, responses, call) =>
                new KvEventSubscription().ServeAsync(
                    _node.EventLog!, request.StartSequenceNumber, responses, call.CancellationToken));
    }

    private async Task<EmbedResponse> EmbedAsync(EmbedRequest request, RpcServerCall call)
    {
        int[] tokens = [.. (request.Tokenized?.InputIds ?? []).Select(t => unchecked((int)t))];
        var vector = (await _node.Embeddings.EmbedAsync([tokens], call.CancellationToken))[0];
        return new()
        {
            Embedding = { vector }, PromptTokens = (uint)tokens.Length, EmbeddingDim = (uint)vector.Length,
        };
    }

    private AbortResponse Abort(AbortRequest request)
    {
        foreach (var id in request.RequestIds)
        {
            _running.Abort(id);
            // The id of a handoff: what gRPC has in the place of DELETE /kv/{id}.
            _node.LetGo(id);
        }

        return new();
    }

    private Rpc.Vllm.HealthCheckResponse Health() => _node.Engine.IsHealthy
        ? new() { Healthy = true, Message = "Health" }
        : new() { Healthy = false, Message = "Engine is not alive" };

    private GetModelInfoResponse ModelInfo()
    {
        var model = _node.Model;
        var architecture = model.Metadata("general.architecture") ?? "";
        return new()
        {
            ModelPath = Path.GetFileName(model.Path),
            IsGeneration = true,
            MaxContextLength = (uint)_node.ContextTokens,
            VocabSize = (uint)model.VocabularySize,
            ServedModelName = _node.ModelName,
            ModelType = architecture,
            Architectures = { architecture },
            EosTokenIds = { model.Eos },
            PadTokenId = 0,
            BosTokenId = Math.Max(0, model.Bos),
            MaxReqInputLen = _node.ContextTokens,
        };
    }

    private GetServerInfoResponse ServerInfo()
    {
        var counters = _node.Engine.Counters;
        return new()
        {
            ActiveRequests = (uint)(counters.Running + counters.Waiting),
            UptimeSeconds = _node.Time.GetElapsedTime(_startedAt).TotalSeconds,
            ServerType = "agentruntime-node",
            KvConnector = _node.Model.CanMoveState ? "AgentRuntimeHttpConnector" : "",
            KvRole = !_node.Model.CanMoveState ? "" : _node.Options.Role switch
            {
                NodeRole.Prefill => "kv_producer",
                NodeRole.Decode => "kv_consumer",
                _ => "kv_both",
            },
            KvEngineId = _node.EngineName,
            DataParallelSize = 1,
        };
    }

    private GetLoadsResponse Loads()
    {
        var counters = _node.Engine.Counters;
        var pool = _node.Engine.PoolTokens;
        var queries = counters.PrefixQueries;
        return new()
        {
            Timestamp = _node.Time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture),
            Version = typeof(NodeServer).Assembly.GetName().Version?.ToString(3) ?? "",
            DpRankCount = 1,
            Loads =
            {
                new SchedulerLoad
                {
                    NumRunningReqs = counters.Running,
                    NumWaitingReqs = counters.Waiting,
                    NumTotalReqs = counters.Running + counters.Waiting,
                    NumUsedTokens = counters.UsedCells,
                    MaxTotalNumTokens = pool,
                    TokenUsage = (double)counters.UsedCells / pool,
                    CacheHitRate = queries == 0 ? 0 : (double)counters.PrefixHits / queries,
                    Utilization = (double)counters.Running / _node.Options.ParallelSequences,
                    MaxRunningRequests = _node.Options.ParallelSequences,
                },
            },
        };
    }
}
