namespace AgentRuntime.Rpc.Vllm;

/// <summary>
/// The methods of <c>vllm.grpc.engine.VllmEngine</c> (lightseekorg/smg: crates/grpc_client/proto/vllm_engine.proto).
/// </summary>
public static class VllmEngine
{
    /// <summary>The service's full name.</summary>
    public const string Service = "vllm.grpc.engine.VllmEngine";

    /// <summary>Generates; a stream of chunks and a complete message for each choice.</summary>
    public static RpcMethod<GenerateRequest, GenerateResponse> Generate { get; } = new(Service, "Generate");

    /// <summary>Embeds one text.</summary>
    public static RpcMethod<EmbedRequest, EmbedResponse> Embed { get; } = new(Service, "Embed");

    /// <summary>Whether the engine serves.</summary>
    public static RpcMethod<HealthCheckRequest, HealthCheckResponse> HealthCheck { get; } =
        new(Service, "HealthCheck");

    /// <summary>Ends requests by their ids.</summary>
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
