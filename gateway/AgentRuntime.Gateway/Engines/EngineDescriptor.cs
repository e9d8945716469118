namespace AgentRuntime.Gateway;

/// <summary>Which dialect of the OpenAI-compatible wire an engine speaks.</summary>
public enum EngineKind : byte
{
    /// <summary>The bundled llama.cpp node: vLLM's wire plus a vendor field for the KV transfer.</summary>
    Node = 1,

    /// <summary>vLLM: <c>cache_salt</c>, <c>kv_transfer_params</c>, <c>/health</c>.</summary>
    Vllm = 2,

    /// <summary>Any other OpenAI-compatible server: only what OpenAI's own API knows is sent.</summary>
    OpenAi = 3,

    /// <summary>
    /// SGLang: <c>cache_salt</c> (over HTTP), <c>/health_generate</c>, and prefill and decode that are asked at once
    /// and meet by <c>bootstrap_room</c>.
    /// </summary>
    SgLang = 4,
}

/// <summary>What an engine may be used for.</summary>
[Flags]
public enum EngineRoles : byte
{
    /// <summary>Reading prompts for another engine to answer.</summary>
    Prefill = 1,

    /// <summary>Writing answers; with no prefill engine it also reads the prompt.</summary>
    Decode = 2,

    /// <summary>Either.</summary>
    Both = Prefill | Decode,
}

/// <summary>An inference engine as configuration or discovery names it. Immutable.</summary>
/// <param name="Name">
/// The name in telemetry and response headers: letters, digits, dots, hyphens and underscores.
/// </param>
/// <param name="BaseAddress">Where it listens, without <c>/v1</c>.</param>
/// <param name="Kind">Its dialect.</param>
public sealed record EngineDescriptor(string Name, Uri BaseAddress, EngineKind Kind)
{
    /// <summary>What it may be used for. Default both.</summary>
    public EngineRoles Roles { get; init; } = EngineRoles.Both;

    /// <summary>
    /// The models that it offers here, by the name that clients use, each with the engine's own name for it; null for
    /// all that the engine lists, under their own names.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Models { get; init; }

    /// <summary>
    /// Requests that it works on at once; more wait in the router. Default 256 (vLLM's max_num_seqs).
    /// </summary>
    public int MaxRunning { get; init; } = 256;

    /// <summary>The key that the engine asks for; null when it asks for none. Never shown.</summary>
    public string? ApiKey { get; init; }

    /// <summary>
    /// Where its KV events are published; null for none, or, with <see cref="EngineKind.Node"/>, for where it says.
    /// </summary>
    public KvEventEndpoints? KvEvents { get; init; }

    /// <summary>Whether it has vLLM's <c>/tokenize</c>.</summary>
    internal bool Tokenizes => Kind is EngineKind.Node or EngineKind.Vllm || IsGrpc;

    /// <summary>
    /// Whether tenants may find each other's prompts in its cache. Default false: requests carry a salt for each
    /// tenant, and an engine whose wire has none (vLLM's and SGLang's gRPC) gets no request.
    /// </summary>
    public bool SharedCache { get; init; }

    /// <summary>Whether it is reached over gRPC: the router then has its tokenizer, health and load.</summary>
    internal bool IsGrpc => BaseAddress.Scheme == GrpcEngineHandler.Scheme;

    /// <summary>Whether it tells its health and load as vLLM does.</summary>
    internal bool HasVllmEndpoints => Kind is not EngineKind.OpenAi || IsGrpc;

    /// <summary>
    /// Where decode engines ask an SGLang prefill engine for KV state. Default 8998 (its
    /// <c>--disaggregation-bootstrap-port</c>).
    /// </summary>
    public int BootstrapPort { get; init; } = 8998;

    /// <summary>Whether KV state can be moved in and out of it.</summary>
    public bool MovesKv => Kind is not EngineKind.OpenAi;

    /// <summary>Whether KV state that it holds for another engine gets the id that it is asked to have.</summary>
    internal bool NamesKv => Kind is EngineKind.Node;

    /// <summary>
    /// Whether it can be told to free KV state that it holds for another engine: the bundled node, also where it is
    /// described as vLLM behind gRPC, whose <c>Abort</c> vLLM itself ignores once it has answered (decision 0309).
    /// </summary>
    internal bool ReleasesKv => Kind is EngineKind.Node || (Kind is EngineKind.Vllm && IsGrpc);

    /// <summary>Whether it keeps tenants' KV blocks apart by <c>cache_salt</c>.</summary>
    internal bool Salts => Kind is not EngineKind.OpenAi && !SharedCache;

    /// <summary>
    /// Whether it reads <c>kv_hints</c> in a body over HTTP, as the bundled node does in any case. Default false: vLLM
    /// and SGLang have the message, and leave it to what is plugged into them what they make of it.
    /// </summary>
    public bool KvHints { get; init; }

    /// <summary>Whether it is told how long KV state is still wanted.</summary>
    internal bool TakesKvHints => !IsGrpc && (KvHints || Kind is EngineKind.Node);

    /// <summary>Everything but the key.</summary>
    public override string ToString() => $"{Name} ({Kind}, {Roles}, {BaseAddress})";
}
