using System.Net;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Events;
using AgentRuntime.Node.Registration;
using AgentRuntime.Node.Simulation;

namespace AgentRuntime.Node;

/// <summary>Which legs of a disaggregated request a node is meant for; a hint that it reports, not a refusal.</summary>
public enum NodeRole : byte
{
    /// <summary>Reads prompts and writes answers.</summary>
    Both = 1,

    /// <summary>Reads prompts for other nodes.</summary>
    Prefill = 2,

    /// <summary>Writes answers on KV state from other nodes.</summary>
    Decode = 3,
}

/// <summary>What to do when KV state cannot be fetched (vLLM: <c>kv_load_failure_policy</c>).</summary>
public enum KvLoadFailure : byte
{
    /// <summary>Compute the prompt here.</summary>
    Recompute = 1,

    /// <summary>Refuse with AR4007 or AR4011.</summary>
    Fail = 2,
}

/// <summary>How an inference node runs. Immutable; <see cref="Validate"/> names every fault at once.</summary>
public sealed record NodeOptions
{
    /// <summary>The GGUF file. Required, except of a simulation.</summary>
    public required string ModelPath { get; init; }

    /// <summary>Compute nothing and take this time for it; null (default) for a real engine.</summary>
    public SimulationOptions? Simulation { get; init; }

    /// <summary>The name that clients use; default the file's <c>general.name</c>, else its file name.</summary>
    public string? ModelName { get; init; }

    /// <summary>The engine's name in responses and transfers; default <c>node-PORT</c>.</summary>
    public string? EngineName { get; init; }

    /// <summary>
    /// The address to listen on, or <c>localhost</c>, or <c>*</c> for all; default loopback, because the node has no
    /// authentication of its own. Another name is refused: what it stands for may change.
    /// </summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port; 0 (default) for any that is free.</summary>
    public int Port { get; init; }

    /// <summary>
    /// The port for gRPC (<c>vllm.grpc.engine.VllmEngine</c>, HTTP/2 without TLS) on <see cref="Host"/>; 0 for any
    /// that is free, null (default) for no gRPC.
    /// </summary>
    public int? GrpcPort { get; init; }

    /// <summary>The host name that other nodes reach this one by; default <see cref="Host"/>.</summary>
    public string? AdvertisedHost { get; init; }

    /// <summary>The most tokens of prompt and output together in one sequence; default 4096.</summary>
    public int ContextTokens { get; init; } = 4096;

    /// <summary>
    /// The most sequences computed at once; default 8, at most 128 (half of llama.cpp's sequence ids).
    /// </summary>
    public int ParallelSequences { get; init; } = 8;

    /// <summary>
    /// KV cells in all, for running sequences and reusable prefixes; 0 (default): context × sequences.
    /// </summary>
    public int KvPoolTokens { get; init; }

    /// <summary>Threads that compute; default the number of processors, at most 16.</summary>
    public int Threads { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16);

    /// <summary>The most tokens in one pass of the model; default 512 (llama.cpp's physical batch).</summary>
    public int BatchTokens { get; init; } = 512;

    /// <summary>
    /// The most prompt tokens in a pass while answers are being written; default 128, so that they do not stall.
    /// </summary>
    public int PrefillChunkTokens { get; init; } = 128;

    /// <summary>Tokens in a reusable KV block; default 16 (vLLM's).</summary>
    public int BlockTokens { get; init; } = 16;

    /// <summary>
    /// The most memory for reusable prefixes that the KV pool has no room for; 0 for none. Default 1 GiB
    /// (<c>llama-server</c>'s <c>--cache-ram</c> is 8 GiB).
    /// </summary>
    public ByteCount PrefixArchive { get; init; } = new(1L << 30);

    /// <summary>Requests that may wait; more are refused with AR4009. Default 256.</summary>
    public int QueuedRequests { get; init; } = 256;

    /// <summary>
    /// Pay for answers that depend on nothing beside them where that is not had for nothing (decisions 0304, 0310): on
    /// a CPU prompts take longer with weights in IQ1, IQ2 or IQ3; on accelerators, where llama.cpp computes attention,
    /// it does so in 32 bits. Default no.
    /// </summary>
    public bool Exact { get; init; }

    /// <summary>
    /// Serve <c>/v1/embeddings</c> though the model names no pooling, by the mean of its tokens' vectors. Default no: a
    /// model that names its pooling serves them in any case, by that. Costs the KV cells of one more context.
    /// </summary>
    public bool Embeddings { get; init; }

    /// <summary>LoRA adapters that requests may name instead of the model; at most 64. Default none.</summary>
    public IReadOnlyList<AdapterOptions> Adapters { get; init; } = [];

    /// <summary>Layers on an accelerator; -1 all, default 0.</summary>
    public int GpuLayers { get; init; }

    /// <summary><c>cpu</c> (default), <c>vulkan</c> or <c>cuda</c>: which npm package's library is loaded.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>What the node is meant for.</summary>
    public NodeRole Role { get; init; } = NodeRole.Both;

    /// <summary>What to do when KV state cannot be fetched; default recompute.</summary>
    public KvLoadFailure KvLoadFailure { get; init; } = KvLoadFailure.Recompute;

    /// <summary>
    /// How long exported KV state waits to be fetched or for a heartbeat; default 30 s (vLLM's NIXL lease).
    /// </summary>
    public TimeSpan KvLease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The most bytes of exported KV state held at once; more is refused with AR4009. As much may be held of state that
    /// other nodes have announced, until the engine has read it, and of other state that waits to be imported. Default
    /// 512 MiB. Of exports and imports the requests of one cache salt may hold three times what is left free: three
    /// quarters when they are alone.
    /// </summary>
    public ByteCount KvLeaseBytes { get; init; } = new(512L << 20);

    /// <summary>The longest that fetching KV state may take; default 20 s.</summary>
    public TimeSpan KvFetchTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Hosts that KV state may be fetched from, IP addresses or names without a port, written as requests name them;
    /// at most 1024. Empty (default): loopback addresses only, so that a request cannot make the node call wherever it
    /// likes.
    /// </summary>
    public IReadOnlyList<string> KvPeers { get; init; } = [];

    /// <summary>
    /// Where KV events are published on ZeroMQ (vLLM's usual port is 5557); 0 for any port, null (default) for not.
    /// </summary>
    public int? KvEventPort { get; init; }

    /// <summary>Where KV events are replayed; null (default) and 0 for any port.</summary>
    public int? KvReplayPort { get; init; }

    /// <summary>How KV events are written; default maps.</summary>
    public KvEventEncoding KvEventEncoding { get; init; } = KvEventEncoding.Map;

    /// <summary>The topic of KV events; default empty, as in vLLM.</summary>
    public string KvEventTopic { get; init; } = "";

    /// <summary>The largest request body; default 8 MiB.</summary>
    public ByteCount MaxBody { get; init; } = new(8L << 20);

    /// <summary>How long a connection may take over a request's headers; default 15 s.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may stay open without a request; default 120 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Connections open at once; default 4096.</summary>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>
    /// How long requests that are under way when the node is told to stop may take to end; then they are cut off.
    /// Default 5 s. One that is registered stops when its edges have nothing under way
    /// (<see cref="NodeRegistrationOptions.DrainTimeout"/>).
    /// </summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Where the node registers itself; null (default) for nowhere.</summary>
    public NodeRegistrationOptions? Registration { get; init; }

    private const int MostSimulatedSequences = 65_536;

    /// <summary>The most that <see cref="ContextTokens"/> may be.</summary>
    internal const int MostContextTokens = 1 << 20;

    private const int MostKvPeers = 1024;

    /// <summary>Whether a text is an IP address or the name of a host, without a port or anything else.</summary>
    public static bool IsHost(string? text) =>
        !string.IsNullOrEmpty(text) && text[0] != '['
        && Uri.CheckHostName(text) is (UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6);

    /// <summary>KV cells in all.</summary>
    internal int PoolTokens => KvPoolTokens > 0 ? KvPoolTokens : ContextTokens * ParallelSequences;

    /// <summary>Everything that is wrong, one sentence each; empty when the options are usable.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [];
        void Check(bool good, string fault)
        {
            if (!good) faults.Add(fault);
        }

        var mostSequences = Simulation is null ? 128 : MostSimulatedSequences;
        var mostBatch = Simulation is null ? 8192 : MostSimulatedSequences;
        faults.AddRange(Simulation?.Faults() ?? []);
        Check(Simulation is not null || !string.IsNullOrWhiteSpace(ModelPath), "ModelPath is empty");
        Check(Host is "localhost" or "*" || IPAddress.TryParse(Host, out _), "Host is no IP address, localhost or *");
        Check(Port is >= 0 and <= 65535, "Port is not within 0..65535");
        Check(GrpcPort is null or (>= 0 and <= 65535), "GrpcPort is not within 0..65535");
        Check(ContextTokens is >= 32 and <= MostContextTokens, "ContextTokens is not within 32..1048576");
        Check(ParallelSequences >= 1 && ParallelSequences <= mostSequences,
            $"ParallelSequences is not within 1..{mostSequences}");
        Check(KvPoolTokens >= 0 && PoolTokens >= ContextTokens, "KvPoolTokens is smaller than ContextTokens");
        Check(Threads is >= 1 and <= 512, "Threads is not within 1..512");
        Check(BatchTokens >= ParallelSequences && BatchTokens <= mostBatch,
            $"BatchTokens is not within ParallelSequences..{mostBatch}");
        Check(PrefillChunkTokens is >= 1 and <= 8192, "PrefillChunkTokens is not within 1..8192");
        Check(BlockTokens is >= 1 and <= 256, "BlockTokens is not within 1..256");
        Check(QueuedRequests is >= 1 and <= 100_000, "QueuedRequests is not within 1..100000");
        Check(Adapters.Count <= 64, "Adapters has more than 64 entries");
        Check(Adapters.All(a => !string.IsNullOrWhiteSpace(a.Name) && !string.IsNullOrWhiteSpace(a.Path)),
            "Adapters has an entry without name or path");
        Check(Adapters.Select(a => a.Name).Append(ModelName).Distinct(StringComparer.Ordinal).Count()
            == Adapters.Count + 1, "Adapters has a name twice, or that of the model");
        Check(KvLease > TimeSpan.Zero && KvFetchTimeout > TimeSpan.Zero, "KvLease or KvFetchTimeout is not positive");
        Check(HeadersTimeout > TimeSpan.Zero && IdleTimeout > TimeSpan.Zero,
            "HeadersTimeout or IdleTimeout is not positive");
        Check(StopTimeout >= TimeSpan.Zero && StopTimeout <= TimeSpan.FromHours(1), "StopTimeout is not within 0..1 h");
        Check(KvPeers.Count <= MostKvPeers, "KvPeers has more than 1024 entries");
        Check(KvPeers.All(IsHost), "KvPeers has what is neither an IP address nor a host name");
        Check(ModelName is null || !string.IsNullOrWhiteSpace(ModelName), "ModelName is empty");
        Check(EngineName is null || !string.IsNullOrWhiteSpace(EngineName), "EngineName is empty");
        Check(Device is "cpu" or "vulkan" or "cuda", "Device is none of cpu, vulkan, cuda");
        Check(KvEventPort is null or (>= 0 and <= 65535), "KvEventPort is not within 0..65535");
        Check(KvReplayPort is null or (>= 0 and <= 65535), "KvReplayPort is not within 0..65535");
        Check(Enum.IsDefined(KvEventEncoding), "KvEventEncoding is neither Map nor Array");
        Check(Enum.IsDefined(Role), "Role is none of Both, Prefill, Decode");
        Check(Enum.IsDefined(KvLoadFailure), "KvLoadFailure is neither Recompute nor Fail");
        return faults;
    }
}
