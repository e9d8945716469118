namespace AgentRuntime.Gateway.Routing;

/// <summary>What an engine may be asked to do.</summary>
[Flags]
public enum EngineRoles : byte
{
    /// <summary>Reads prompts and hands the KV state on.</summary>
    Prefill = 1,

    /// <summary>Writes answers from KV state that another engine made.</summary>
    Decode = 2,

    /// <summary>Does both, also for one request.</summary>
    Both = Prefill | Decode,
}

/// <summary>Where the index's knowledge of an engine's cache comes from.</summary>
public enum KvSource : byte
{
    /// <summary>The engine publishes KV events.</summary>
    Events = 1,

    /// <summary>Only what is dispatched, and what responses say of cached tokens; believed for a while.</summary>
    Responses = 2,
}

/// <summary>
/// One engine of a model's pool, as far as the router must know it. Nothing here describes hardware: speed is learned.
/// Immutable.
/// </summary>
/// <param name="Name">The name in explanations and metrics.</param>
/// <param name="Model">The model that it serves.</param>
public sealed record EngineDescription(string Name, string Model)
{
    /// <summary>The highest <see cref="TransferGroup"/>.</summary>
    public const byte MaxTransferGroup = 4;

    /// <summary>What it may be asked to do. Default <see cref="EngineRoles.Both"/>.</summary>
    public EngineRoles Roles { get; init; } = EngineRoles.Both;

    /// <summary>
    /// Engines of one group can move KV state to one another and make pairs; 0 for an engine that makes none, else 1 to
    /// <see cref="MaxTransferGroup"/>. Default 1.
    /// </summary>
    public byte TransferGroup { get; init; } = 1;

    /// <summary>Where knowledge of its cache comes from. Default <see cref="KvSource.Events"/>.</summary>
    public KvSource Source { get; init; } = KvSource.Events;

    /// <summary>Sequences that it works on at once (vLLM <c>max_num_seqs</c>). Default 256.</summary>
    public int MaxRunning { get; init; } = 256;

    /// <summary>Tokens of its KV cache; 0 when unknown. Default 0.</summary>
    public long KvCapacityTokens { get; init; }

    /// <summary>
    /// Whether its load is reported with <see cref="RoutingCore.ReportLoad"/>; a report that is late then counts as
    /// saturation. Without reports the router goes by what it dispatched itself. Default false.
    /// </summary>
    public bool ReportsLoad { get; init; }
}

/// <summary>One report of an engine's load, from its metrics. Immutable.</summary>
/// <param name="Waiting">Requests in its queue (<c>vllm:num_requests_waiting</c>).</param>
/// <param name="Running">Requests that it works on (<c>vllm:num_requests_running</c>).</param>
/// <param name="KvUsage">Used share of its KV cache, 0 to 1 (<c>vllm:kv_cache_usage_perc</c>).</param>
public readonly record struct EngineLoad(int Waiting, int Running, double KvUsage);

/// <summary>Whether an engine may be given work.</summary>
public enum EngineHealth : byte
{
    /// <summary>It takes work.</summary>
    Healthy = 1,

    /// <summary>It finishes what it has and takes nothing new.</summary>
    Draining = 2,

    /// <summary>It does not answer; what it had is lost.</summary>
    Down = 3,
}

/// <summary>An engine in a <see cref="RoutingCore"/>. <c>default</c> names none.</summary>
/// <param name="Pool">The number of its model's pool, from 1.</param>
/// <param name="Index">Its place in the pool.</param>
public readonly record struct EngineRef(int Pool, int Index)
{
    /// <summary>Whether it names an engine.</summary>
    public bool Exists => Pool != 0;
}
