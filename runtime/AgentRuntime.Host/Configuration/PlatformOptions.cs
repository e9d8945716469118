using System.Text.Json.Serialization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Configuration;

/// <summary>
/// What an operator configures, from a JSON file with snake_case keys; options of the command line win. Validated as
/// a whole before anything starts. Immutable.
/// </summary>
internal sealed record PlatformOptions
{
    /// <summary>Where the edge listens. Default <c>http://127.0.0.1:8790</c>: the loopback interface only.</summary>
    public string Listen { get; init; } = "http://127.0.0.1:8790";

    /// <summary>
    /// Folder of the database, keys and generated models. Default <c>.agentruntime</c>; in a file, relative to it.
    /// </summary>
    public string State { get; init; } = ".agentruntime";

    /// <summary>
    /// The environment variable that holds the connection string of a PostgreSQL database (Npgsql's form) for all
    /// state but keys and models; null for a database file in <see cref="State"/>.
    /// </summary>
    public string? PostgresVariable { get; init; }

    /// <summary>The bundled inference nodes that are started as child processes.</summary>
    public NodePoolOptions Nodes { get; init; } = new();

    /// <summary>Engines that run elsewhere, such as vLLM.</summary>
    public IReadOnlyList<EngineOptions> Engines { get; init; } = [];

    /// <summary>A JSON file of engines that is read again every few seconds; null for none.</summary>
    public string? EnginesFile { get; init; }

    /// <summary>DNS names, each address of which is an engine; the url holds the name.</summary>
    public IReadOnlyList<EngineOptions> EnginesDns { get; init; } = [];

    /// <summary>Nodes that join by themselves; null for none.</summary>
    public RegistrationOptions? Registration { get; init; }

    /// <summary>
    /// From what prompts of a model are cut into KV blocks: <c>text</c>, <c>engine</c> (its <c>/tokenize</c>) or
    /// <c>vocabulary</c> (the bundled nodes' model only, and its default). Default <c>text</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Tokenization { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Whether prompts are prefilled on one engine and decoded on another: <c>always</c>, <c>auto</c> or
    /// <c>never</c>. Default <c>auto</c>.
    /// </summary>
    public string Disaggregation { get; init; } = "auto";

    /// <summary>
    /// Prices by model; <c>*</c> is for every other model. A model without a price is refused (AR6005).
    /// </summary>
    public IReadOnlyDictionary<string, PriceOptions> Prices { get; init; } = new Dictionary<string, PriceOptions>();

    /// <summary>Runs that are worked on at once; one that waits holds no thread. Default 64.</summary>
    public int Workers { get; init; } = 64;

    /// <summary>
    /// How long a call that needs a person's approval waits for it before it is refused (AR2005), in seconds, within
    /// the run's own deadline. 0 refuses at once. Default 900.
    /// </summary>
    public int ApprovalPatienceSeconds { get; init; } = 900;

    /// <summary>What runs the guests.</summary>
    public SandboxOptions Sandbox { get; init; } = new();

    /// <summary>The most that a tenant's bundle may give it; null for as much as the bundle says.</summary>
    public QuotaCeilingOptions? QuotaCeiling { get; init; }

    /// <summary>What each tenant may keep in the store.</summary>
    public StorageOptions Storage { get; init; } = new();

    /// <summary>Tenants that exist from the start.</summary>
    public IReadOnlyList<TenantOptions> Tenants { get; init; } = [];

    /// <summary>Addresses of tool servers by name, in place of those in bundles.</summary>
    public IReadOnlyDictionary<string, string> ToolEndpoints { get; init; } = new Dictionary<string, string>();
}

/// <summary>What runs the guests. Immutable.</summary>
internal sealed record SandboxOptions
{
    /// <summary>
    /// <c>wasmtime</c>, <c>managed</c>, or <c>auto</c>: Wasmtime when a <c>libwasmtime</c> is found, else managed.
    /// Default <c>auto</c>.
    /// </summary>
    public string Engine { get; init; } = "auto";

    /// <summary>
    /// The <c>libwasmtime.so</c>, or the folder of a release that holds it; null to look for one. In a file, relative
    /// to it.
    /// </summary>
    public string? Library { get; init; }

    /// <summary>
    /// MiB of memory that a bundle may give one guest. Default 1,024; at most 4,096, the address space of wasm32.
    /// </summary>
    public int MaxMemoryMib { get; init; } = 1_024;

    /// <summary>
    /// MiB of memory that the guests of one tenant's runs may have together, by their limits: runs for which there is
    /// no room wait. Default 4,096: all 64 workers with what an agent has whose bundle says nothing.
    /// </summary>
    public int MaxTenantMemoryMib { get; init; } = 4_096;
}

/// <summary>
/// The most that a tenant's bundle may give it: one that gives more does not validate. Immutable.
/// </summary>
internal sealed record QuotaCeilingOptions
{
    /// <summary>Requests a minute. Default 600.</summary>
    public int RequestsPerMinute { get; init; } = 600;

    /// <summary>Prompt and output tokens a minute. Default 200,000.</summary>
    public long TokensPerMinute { get; init; } = 200_000;

    /// <summary>US dollars a UTC day. Default 10.</summary>
    public decimal CostPerDayUsd { get; init; } = 10;

    /// <summary>Runs under way at once. Default 16.</summary>
    public int ConcurrentRuns { get; init; } = 16;

    /// <summary>The first priority that its service classes may have, 0 to 3. Default 0.</summary>
    public int FirstPriority { get; init; }
}

/// <summary>What one tenant may keep in the store. Immutable.</summary>
internal sealed record StorageOptions
{
    /// <summary>Agents. Default 1,000.</summary>
    public int Agents { get; init; } = 1_000;

    /// <summary>MiB of modules, replaced versions included, which go first. Default 512.</summary>
    public int ModulesMib { get; init; } = 512;

    /// <summary>MiB of all buckets of memory together. Default 1,024.</summary>
    public int MemoryMib { get; init; } = 1_024;

    /// <summary>MiB of runs that have ended, the oldest of which go. Default 4,096.</summary>
    public int RunsMib { get; init; } = 4_096;

    /// <summary>Days that a run is kept after its end. Default 90.</summary>
    public int RunsDays { get; init; } = 90;

    /// <summary>The same in the platform's own terms.</summary>
    [JsonIgnore]
    public StorageLimits Limits => new()
    {
        MaxAgents = Agents,
        MaxModules = ByteCount.FromMebibytes(ModulesMib),
        MaxMemory = ByteCount.FromMebibytes(MemoryMib),
        MaxRuns = ByteCount.FromMebibytes(RunsMib),
        MaxRunAge = TimeSpan.FromDays(RunsDays),
    };
}

/// <summary>The bundled inference nodes. Immutable.</summary>
internal sealed record NodePoolOptions
{
    /// <summary>How many. Default 2: one can prefill while the other decodes. 0 for none.</summary>
    public int Count { get; init; } = 2;

    /// <summary>A GGUF file; null for the model that the platform makes itself.</summary>
    public string? Model { get; init; }

    /// <summary>Whether the nodes compute nothing and only take the time of it. Default no.</summary>
    public bool Simulate { get; init; }

    /// <summary>The name under which the model is served. Default <c>demo</c>.</summary>
    public string ModelName { get; init; } = "demo";

    /// <summary>Tokens of prompt and output of one sequence. Default 4096.</summary>
    public int ContextTokens { get; init; } = 4096;

    /// <summary>Sequences that one node works on at once. Default 4.</summary>
    public int ParallelSequences { get; init; } = 4;

    /// <summary>
    /// Whether the nodes publish KV events and the router follows them; without libzmq they do not. Default true.
    /// </summary>
    public bool KvEvents { get; init; } = true;

    /// <summary>Threads of one node; 0 shares the machine's cores evenly. Default 0.</summary>
    public int Threads { get; init; }

    /// <summary><c>cpu</c> (default), <c>vulkan</c> or <c>cuda</c>: what the nodes compute on.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>
    /// Whether answers depend on nothing beside them with weights in IQ1 to IQ3 and on accelerators too; slower there.
    /// Default no.
    /// </summary>
    public bool Exact { get; init; }
}

/// <summary>Nodes that join by themselves. Immutable.</summary>
internal sealed record RegistrationOptions
{
    /// <summary>File of the join secret; made when it is absent. A relative path is within the state folder.</summary>
    public string KeyFile { get; init; } = "join.key";

    /// <summary>Seconds after which a silent node is taken out. Default 15.</summary>
    public int LeaseSeconds { get; init; } = 15;
}

/// <summary>An engine that runs elsewhere. Immutable.</summary>
internal sealed record EngineOptions
{
    /// <summary>Its name in events and headers.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its address, without <c>/v1</c>.</summary>
    public string Url { get; init; } = "";

    /// <summary>
    /// What it speaks: <c>node</c>, <c>vllm</c>, <c>sglang</c> or <c>openai</c>. Default <c>openai</c>.
    /// </summary>
    public string Kind { get; init; } = "openai";

    /// <summary>What it may do: <c>both</c>, <c>prefill</c> or <c>decode</c>. Default <c>both</c>.</summary>
    public string Role { get; init; } = "both";

    /// <summary>The name that its model has here; null for its own names.</summary>
    public string? ModelAlias { get; init; }

    /// <summary><c>tcp://host:port</c> of its KV events; null for none.</summary>
    public string? KvEvents { get; init; }

    /// <summary><c>tcp://host:port</c> of their replay; null for none.</summary>
    public string? KvReplay { get; init; }

    /// <summary>
    /// Whether tenants may find each other's prompts in its cache: vLLM's and SGLang's gRPC cannot keep them apart.
    /// </summary>
    public bool SharedCache { get; init; }

    /// <summary>Whether it reads <c>kv_hints</c>; the bundled node does in any case.</summary>
    public bool KvHints { get; init; }

    /// <summary>The environment variable that holds its API key; null when it needs none.</summary>
    public string? ApiKeyVariable { get; init; }
}

/// <summary>What a million tokens cost, in US dollars. Immutable.</summary>
internal sealed record PriceOptions
{
    /// <summary>Prompt tokens that are computed.</summary>
    public decimal PromptUsdPerMillion { get; init; }

    /// <summary>Prompt tokens that are cached.</summary>
    public decimal CachedPromptUsdPerMillion { get; init; }

    /// <summary>Output tokens.</summary>
    public decimal OutputUsdPerMillion { get; init; }
}

/// <summary>A tenant that exists from the start. Immutable.</summary>
internal sealed record TenantOptions
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The project that its first key works in.</summary>
    public string Project { get; init; } = "";

    /// <summary>Folder of the bundle that is in force until the tenant applies another; null for none.</summary>
    public string? Bundle { get; init; }

    /// <summary>
    /// Modules by agent name within the project, deployed when the agent does not exist yet or differs.
    /// </summary>
    public IReadOnlyDictionary<string, string> Agents { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// File that gets the tenant's first API key, readable by the owner only; made when it is absent. A
    /// relative path is within the state folder. Null for none.
    /// </summary>
    public string? KeyFile { get; init; }
}
