using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Rpc.SgLang;

/// <summary>
/// The methods of <c>sglang.grpc.scheduler.SglangScheduler</c> that are spoken (lightseekorg/smg:
/// crates/grpc_client/proto/sglang_scheduler.proto).
/// </summary>
public static class SglangScheduler
{
    /// <summary>The service's full name.</summary>
    public const string Service = "sglang.grpc.scheduler.SglangScheduler";

    /// <summary>Generates; a stream of chunks and a complete message for each choice.</summary>
    public static RpcMethod<GenerateRequest, GenerateResponse> Generate { get; } = new(Service, "Generate");

    /// <summary>Whether the engine serves: it generates a token.</summary>
    public static RpcMethod<HealthCheckRequest, HealthCheckResponse> HealthCheck { get; } =
        new(Service, "HealthCheck");

    /// <summary>Ends a request by its id.</summary>
    public static RpcMethod<AbortRequest, AbortResponse> Abort { get; } = new(Service, "Abort");

    /// <summary>The model.</summary>
    public static RpcMethod<GetModelInfoRequest, GetModelInfoResponse> GetModelInfo { get; } =
        new(Service, "GetModelInfo");

    /// <summary>The engine.</summary>
    public static RpcMethod<GetServerInfoRequest, GetServerInfoResponse> GetServerInfo { get; } =
        new(Service, "GetServerInfo");

    /// <summary>What the scheduler has to do.</summary>
    public static RpcMethod<GetLoadsRequest, GetLoadsResponse> GetLoads { get; } = new(Service, "GetLoads");

    /// <summary>The tokenizer's files, as a zip archive in pieces.</summary>
    public static RpcMethod<GetTokenizerRequest, GetTokenizerChunk> GetTokenizer { get; } =
        new(Service, "GetTokenizer");

    /// <summary>What the prefix cache gains and loses.</summary>
    public static RpcMethod<SubscribeKvEventsRequest, KvEventBatch> SubscribeKvEvents { get; } =
        new(Service, "SubscribeKvEvents");
}
