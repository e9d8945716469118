using System.Security.Cryptography;
using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>Whether prompts are read by one engine and answered by another.</summary>
public enum Disaggregation : byte
{
    /// <summary>Never: the engine that answers reads the prompt.</summary>
    Never = 1,

    /// <summary>When it is likely to pay for the request.</summary>
    Auto = 2,

    /// <summary>Whenever two engines that can move KV state are at hand.</summary>
    Always = 3,
}

/// <summary>How <see cref="EngineRouter"/> treats its engines. Immutable; validated when the router is made.</summary>
public sealed record EngineRouterOptions
{
    /// <summary>The engines to begin with.</summary>
    public IReadOnlyList<EngineDescriptor> Engines { get; init; } = [];

    /// <summary>Whether prefill and decode are split. Default <see cref="Gateway.Disaggregation.Auto"/>.</summary>
    public Disaggregation Disaggregation { get; init; } = Disaggregation.Auto;

    /// <summary>
    /// How engines are chosen and requests wait: service classes, queue bounds, costs. Its own choice of
    /// disaggregation is replaced by <see cref="Disaggregation"/>. A load report counts for 5 s by default, ten
    /// intervals of <see cref="LoadInterval"/>: an engine on a busy machine answers late and is not full for that.
    /// </summary>
    public RoutingOptions Routing { get; init; } = new() { StaleAfterSeconds = 5 };

    /// <summary>
    /// The service classes that tenants give their work. Default null: clients are interactive, agents standard.
    /// </summary>
    public ISloTargetSource? SloTargets { get; init; }

    /// <summary>Between two health probes of an engine. Default 2 s.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Between two readings of an engine's load from its metrics. Default 500 ms.</summary>
    public TimeSpan LoadInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a probe may take; two late ones in a row show an engine as unhealthy. Default 2 s.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long connecting may take. Default 2 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long an engine may send nothing while it replays KV events, before the replay is given up. Default 2 s.
    /// </summary>
    public TimeSpan KvReplaySilence { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// From sending a request to its first chunk, be it only the role, queueing in the engine included. Comments before
    /// it do not prolong it. Default 120 s.
    /// </summary>
    public TimeSpan FirstTokenTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>
    /// How long a stream that has begun may bring nothing, not even a comment, while it is waited for. Default 30 s.
    /// </summary>
    public TimeSpan BetweenTokensTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The prefill leg as a whole. Default 60 s.</summary>
    public TimeSpan PrefillTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Attempts at one request, the first included. Default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>
    /// Retries that may be made for each request of a tenant that came in, beyond <see cref="RetryBurst"/>: a pool that
    /// fails as a whole must not get a multiple of its load. The first time that a request loses its connection to an
    /// engine is not counted: an engine that dies loses all that it had under way at once. Default 0.2 (Finagle's and
    /// Envoy's retry budget).
    /// </summary>
    public double RetryRatio { get; init; } = 0.2;

    /// <summary>Retries of a tenant that may be made at once from a full budget. Default 20.</summary>
    public int RetryBurst { get; init; } = 20;

    /// <summary>
    /// How long a request waits for its first token before another engine is asked as well: the first answer wins, the
    /// other is cancelled, and the answer is charged once. Each is a retry against the budget. Null, the default:
    /// never.
    /// </summary>
    public TimeSpan? HedgeAfter { get; init; }

    /// <summary>Failures in a row after which an engine is left alone. Default 5.</summary>
    public int CircuitFailures { get; init; } = 5;

    /// <summary>
    /// How long it is left alone; doubles while it stays broken, up to 16 times as long. Default 5 s.
    /// </summary>
    public TimeSpan CircuitOpenFor { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Connections to one engine. Default 10,000.</summary>
    public int MaxConnectionsPerEngine { get; init; } = 10_000;

    /// <summary>
    /// Bytes of one chunk of a stream, of all chunks before the first token, or of a prefill answer. Default 4 MiB.
    /// </summary>
    public int MaxChunkBytes { get; init; } = 4 << 20;

    /// <summary>Bytes of an engine's list of embeddings. Default 64 MiB.</summary>
    public int MaxEmbeddingBytes { get; init; } = 64 << 20;

    /// <summary>
    /// From what prompts of a model are cut into blocks, by the model's name. Default
    /// <see cref="Gateway.PromptKeys.Text"/> for every model; <see cref="Gateway.PromptKeys.Vocabulary"/> needs one
    /// of <see cref="Tokenizers"/>. What is set for a model counts for its adapters.
    /// </summary>
    public IReadOnlyDictionary<string, PromptKeys> PromptKeys { get; init; } = new Dictionary<string, PromptKeys>();

    /// <summary>The tokenizers of models, by the model's name.</summary>
    public IReadOnlyDictionary<string, IPromptTokenizer> Tokenizers { get; init; } =
        new Dictionary<string, IPromptTokenizer>();

    /// <summary>
    /// Makes the tokenizer of a GGUF vocabulary file, which the bundled node behind a <c>grpc</c> address sends; null
    /// (default) for no such engines. The file may go once it is read.
    /// </summary>
    public Func<string, IModelTokenizer>? VocabularyLoader { get; init; }

    /// <summary>
    /// How long a request waits for its prompt's tokens from an engine before it is placed by its text. Default 100 ms.
    /// </summary>
    public TimeSpan TokenizeTimeout { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The secret from which each tenant's <c>cache_salt</c> is made. The same on every replica, or replicas do not
    /// share prefixes; new at each start by default.
    /// </summary>
    public ReadOnlyMemory<byte> CacheSaltSecret { get; init; } = RandomNumberGenerator.GetBytes(32);

    internal PromptKeys PromptKeysOf(string model, string? baseModel = null) =>
        PromptKeys.TryGetValue(model, out var keys)
        || (baseModel is not null && PromptKeys.TryGetValue(baseModel, out keys))
            ? keys
            : Gateway.PromptKeys.Text;

    internal RoutingOptions EffectiveRouting => Routing with
    {
        Disaggregation = Disaggregation switch
        {
            Disaggregation.Always => DisaggregationMode.Always,
            Disaggregation.Auto => DisaggregationMode.Auto,
            _ => DisaggregationMode.Never,
        },
    };

    internal IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        Check(Engines.DistinctBy(e => e.Name, StringComparer.Ordinal).Count() == Engines.Count,
            "two engines share a name");
        foreach (var engine in Engines)
        {
            if (ProblemOf(engine) is { } problem)
                problems.Add(problem);
        }

        Check(Enum.IsDefined(Disaggregation), "Disaggregation is not set");
        Check(ProbeInterval > TimeSpan.Zero && ProbeTimeout > TimeSpan.Zero && LoadInterval > TimeSpan.Zero,
            "probe times must be positive");
        Check(ConnectTimeout > TimeSpan.Zero && KvReplaySilence > TimeSpan.Zero,
            "ConnectTimeout and KvReplaySilence must be positive");
        Check(FirstTokenTimeout > TimeSpan.Zero && BetweenTokensTimeout > TimeSpan.Zero
            && PrefillTimeout > TimeSpan.Zero, "token timeouts must be positive");
        Check(MaxAttempts is >= 1 and <= 10, "MaxAttempts must be 1 to 10");
        Check(RetryRatio is >= 0 and <= 1 && RetryBurst >= 0, "the retry budget must be 0 to 1 and not negative");
        Check(CircuitFailures >= 1 && CircuitOpenFor > TimeSpan.Zero, "the circuit breaker's figures must be positive");
        Check(MaxConnectionsPerEngine >= 1 && MaxChunkBytes >= 1024 && MaxEmbeddingBytes >= 1024,
            "limits must be positive");
        Check(HedgeAfter is null || HedgeAfter > TimeSpan.Zero, "HedgeAfter must be positive");
        Check(TokenizeTimeout > TimeSpan.Zero, "TokenizeTimeout must be positive");
        Check(PromptKeys.All(k => Enum.IsDefined(k.Value)
            && (k.Value != Gateway.PromptKeys.Vocabulary || Tokenizers.ContainsKey(k.Key))),
            "PromptKeys must be Text, Engine, or Vocabulary with a tokenizer of that model");
        Check(CacheSaltSecret.Length >= 16, "CacheSaltSecret needs 16 bytes or more");
        return problems;

        void Check(bool ok, string problem)
        {
            if (!ok)
                problems.Add(problem);
        }
    }

    internal static string? ProblemOf(EngineDescriptor engine) => engine switch
    {
        { Name: null or "" or { Length: > 64 } } => "an engine's name has 1 to 64 characters",
        _ when engine.Name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_')) =>
            $"engine '{engine.Name}': a name has letters, digits, dots, hyphens and underscores only",
        { BaseAddress: not { IsAbsoluteUri: true, Scheme: "http" or "https" or GrpcEngineHandler.Scheme } } =>
            $"engine '{engine.Name}': the address must be absolute http, https or grpc",
        { BaseAddress: { Scheme: GrpcEngineHandler.Scheme, Port: <= 0 } } =>
            $"engine '{engine.Name}': a grpc address needs a port",
        { Kind: 0 or > EngineKind.SgLang } =>
            $"engine '{engine.Name}': unknown kind",
        { BootstrapPort: < 1 or > 65_535 } => $"engine '{engine.Name}': BootstrapPort is 1 to 65535",
        { ApiKey: { } key } when key.Any(c => c is < ' ' or > '~') =>
            $"engine '{engine.Name}': its key holds a character that is not printable ASCII",
        { MaxRunning: < 1 } => $"engine '{engine.Name}': MaxRunning must be positive",
        { KvEvents: { } events } when !KvEventEndpoints.IsUsable(events.Publisher)
            || (events.Replay is not null && !KvEventEndpoints.IsUsable(events.Replay)) =>
            $"engine '{engine.Name}': KV event addresses are tcp://host:port",
        { Roles: 0 } or { Roles: > EngineRoles.Both } => $"engine '{engine.Name}': no role",
        _ => null,
    };
}
