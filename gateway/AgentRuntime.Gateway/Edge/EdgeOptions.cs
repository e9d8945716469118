using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>The edge's limits; none is unlimited. Immutable; validated when the edge is added.</summary>
public sealed record EdgeOptions
{
    /// <summary>Bytes of an inference request. Default 4 MiB.</summary>
    public int MaxInferenceBodyBytes { get; init; } = 4 << 20;

    /// <summary>
    /// Bytes of a run's request. Default 13 MiB: the largest input with each byte escaped as six, and a little.
    /// </summary>
    public int MaxRunBodyBytes { get; init; } = (6 * WireBounds.RunInputBytes) + (1 << 20);

    /// <summary>Bytes of a module. Default 16 MiB.</summary>
    public int MaxModuleBytes { get; init; } = WireBounds.ModuleBytes;

    /// <summary>
    /// Bytes of a request about policy. Default 18 MiB: two of the largest bundles to compare, with each byte escaped
    /// as two, and their paths.
    /// </summary>
    public int MaxPolicyBodyBytes { get; init; } = (4 * WireBounds.BundleBytes) + (2 << 20);

    /// <summary>Depth of nesting in a body. Default 64, as System.Text.Json.</summary>
    public int MaxJsonDepth { get; init; } = 64;

    /// <summary>Bytes of a request's headers together. Default 16 KiB.</summary>
    public int MaxHeaderBytes { get; init; } = 16 << 10;

    /// <summary>Connections at once. Default 20,000.</summary>
    public int MaxConnections { get; init; } = 20_000;

    /// <summary>Inference requests at once over all tenants. Default 10,000.</summary>
    public int MaxInferenceRequests { get; init; } = 10_000;

    /// <summary>Inference requests at once of one tenant. Default 2,000.</summary>
    public int MaxInferenceRequestsPerTenant { get; init; } = 2_000;

    /// <summary>
    /// Bytes of large requests (above 64 KiB) in hand at once over all tenants: of those to models until they end, of
    /// others until they are parsed. Default 512 MiB.
    /// </summary>
    public long MaxInferenceBytes { get; init; } = 512 << 20;

    /// <summary>Bytes of one tenant's large requests in hand at once. Default 128 MiB.</summary>
    public long MaxInferenceBytesPerTenant { get; init; } = 128 << 20;

    /// <summary>Event streams at once over all tenants. Default 10,000.</summary>
    public int MaxEventStreams { get; init; } = 10_000;

    /// <summary>Event streams at once of one tenant. Default 500.</summary>
    public int MaxEventStreamsPerTenant { get; init; } = 500;

    /// <summary>Modules that are compiled at once for deployments. Default 2.</summary>
    public int MaxCompilations { get; init; } = 2;

    /// <summary>
    /// How long a deployment waits until its module is compiled before its client is told to send it again (AR3014),
    /// for which it keeps its place. Default 30 s: half of <see cref="ControlTimeout"/>, which the upload counts
    /// towards.
    /// </summary>
    public TimeSpan DeploymentPatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a request's headers may take. Default 10 s.</summary>
    public TimeSpan RequestHeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long an inference request may take from its arrival to its last token. Default 10 minutes.
    /// </summary>
    public TimeSpan InferenceTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long the client of a streamed answer may take nothing of what waits for it before its connection is closed.
    /// Default 20 s: less than others wait for its place in the engine.
    /// </summary>
    public TimeSpan ClientStallTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long any other request may take, event streams aside. Default 60 s.</summary>
    public TimeSpan ControlTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Between two signs of life on a quiet event stream. Default 15 s.</summary>
    public TimeSpan EventHeartbeat { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Output tokens of each choice when the client does not say. Default 1,024.</summary>
    public int DefaultMaxOutputTokens { get; init; } = 1_024;

    /// <summary>Output tokens of each choice that a client may ask for. Default 32,768.</summary>
    public int MaxOutputTokens { get; init; } = 32_768;

    /// <summary>Choices of one request, prompts times answers. Default 8.</summary>
    public int MaxChoices { get; init; } = 8;

    /// <summary>Texts of one embeddings request. Default 2,048, as OpenAI.</summary>
    public int MaxEmbeddingInputs { get; init; } = 2_048;

    /// <summary>
    /// Tokens that are reserved for each image, sound or film of a request, and the most that it is charged. Default
    /// 16,384 (Qwen2.5-VL's most for an image).
    /// </summary>
    public int MaxMediaTokens { get; init; } = 16_384;

    /// <summary>Whether messages may point engines at addresses to fetch (images by URL). Default no.</summary>
    public bool AllowRemoteMedia { get; init; }

    internal void Validate()
    {
        var problems = new List<string>();
        Check(MaxInferenceBodyBytes, nameof(MaxInferenceBodyBytes));
        Check(MaxRunBodyBytes, nameof(MaxRunBodyBytes));
        Check(MaxModuleBytes, nameof(MaxModuleBytes));
        Check(MaxPolicyBodyBytes, nameof(MaxPolicyBodyBytes));
        Check(MaxJsonDepth, nameof(MaxJsonDepth));
        Check(MaxHeaderBytes, nameof(MaxHeaderBytes));
        Check(MaxConnections, nameof(MaxConnections));
        Check(MaxInferenceRequests, nameof(MaxInferenceRequests));
        Check(MaxInferenceRequestsPerTenant, nameof(MaxInferenceRequestsPerTenant));
        Check(MaxInferenceBytes, nameof(MaxInferenceBytes));
        Check(MaxInferenceBytesPerTenant, nameof(MaxInferenceBytesPerTenant));
        Check(MaxEventStreams, nameof(MaxEventStreams));
        Check(MaxEventStreamsPerTenant, nameof(MaxEventStreamsPerTenant));
        Check(MaxCompilations, nameof(MaxCompilations));
        Check(RequestHeadersTimeout.Ticks, nameof(RequestHeadersTimeout));
        Check(InferenceTimeout.Ticks, nameof(InferenceTimeout));
        Check(ClientStallTimeout.Ticks, nameof(ClientStallTimeout));
        Check(ControlTimeout.Ticks, nameof(ControlTimeout));
        Check(DeploymentPatience.Ticks, nameof(DeploymentPatience));
        Check(EventHeartbeat.Ticks, nameof(EventHeartbeat));
        Check(DefaultMaxOutputTokens, nameof(DefaultMaxOutputTokens));
        Check(MaxOutputTokens, nameof(MaxOutputTokens));
        Check(MaxChoices, nameof(MaxChoices));
        Check(MaxMediaTokens, nameof(MaxMediaTokens));
        Check(MaxEmbeddingInputs, nameof(MaxEmbeddingInputs));
        if (problems.Count > 0)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.InvalidConfiguration, string.Join("; ", problems), nameof(EdgeOptions)));

        void Check(long value, string name)
        {
            if (value <= 0)
                problems.Add($"{name} must be positive");
        }
    }
}
