namespace AgentRuntime.Gateway.Routing;

/// <summary>Whether prefill and decode of one request go to different engines.</summary>
public enum DisaggregationMode : byte
{
    /// <summary>When it pays for the request at hand.</summary>
    Auto = 1,

    /// <summary>Whenever the pool has two engines that can do it.</summary>
    Always = 2,

    /// <summary>Only engines that do both are used.</summary>
    Never = 3,
}

/// <summary>How a <see cref="RoutingCore"/> decides. Times are seconds. Immutable.</summary>
public sealed record RoutingOptions
{
    /// <summary>The most classes.</summary>
    public const int MaxClasses = 4;

    /// <summary>The service classes; requests name them by position. Default interactive, standard, batch.</summary>
    public IReadOnlyList<SloClass> Classes { get; init; } = [SloClass.Interactive, SloClass.Standard, SloClass.Batch];

    /// <summary>The index's bounds, for each model.</summary>
    public KvIndexOptions Index { get; init; } = new();

    /// <summary>What is assumed of engines before they have answered.</summary>
    public PredictionPrior Prior { get; init; } = new();

    /// <summary>
    /// Tokens of a block; must be the engines' block size where KV events are used. Default 16 (vLLM).
    /// </summary>
    public int BlockTokens { get; init; } = 16;

    /// <summary>Whether prefill and decode are split. Default <see cref="DisaggregationMode.Auto"/>.</summary>
    public DisaggregationMode Disaggregation { get; init; } = DisaggregationMode.Auto;

    /// <summary>Seconds to move one token's KV state. Default 8 µs (70B model at 400 Gb/s).</summary>
    public double TransferSecondsPerToken { get; init; } = 8e-6;

    /// <summary>Seconds that splitting a request costs before any token moves. Default 0.02.</summary>
    public double TransferSetupSeconds { get; init; } = 0.02;

    /// <summary>Age at which a load report no longer counts and its engine is taken for saturated. Default 1.</summary>
    public double StaleAfterSeconds { get; init; } = 1;

    /// <summary>
    /// Estimated prefill work below which an engine is given the next prompt, so that it does not idle for a round
    /// trip; what is beyond waits in the router, where it can still be ordered and moved. Default 0.25.
    /// </summary>
    public double EngineBacklogSeconds { get; init; } = 0.25;

    /// <summary>
    /// The same while requests of several tenants are under way and some wait: a prompt that an engine has been given
    /// cannot let a less served tenant's pass. Default 0.05.
    /// </summary>
    public double ContendedBacklogSeconds { get; init; } = 0.05;

    /// <summary>Time constant over which the busy share is smoothed; less while an engine is new. Default 30.</summary>
    public double BusyWindowSeconds { get; init; } = 30;

    /// <summary>
    /// By how many seconds a request's first token is due later for each second that its own prefill takes. Prompts
    /// that take long anyway let short ones pass, as long as those came not much later. Default 1; 0 is plain arrival
    /// order within a tenant and class.
    /// </summary>
    public double DueSecondsPerPrefillSecond { get; init; } = 1;

    /// <summary>
    /// Weight of a second that running answers lose against a second before a first token. Default 0.02.
    /// </summary>
    public double StreamDelayWeight { get; init; } = 0.02;

    /// <summary>Seconds that loading an adapter takes. Default 0.5.</summary>
    public double LoraLoadSeconds { get; init; } = 0.5;

    /// <summary>
    /// How far off a conversation's next call may be for its KV state to be asked to stay: what is held longer keeps
    /// out more than it saves. Default 300.
    /// </summary>
    public double MostRetainSeconds { get; init; } = 300;

    /// <summary>Requests that may wait for one model. Default 10,000.</summary>
    public int MaxWaiting { get; init; } = 10_000;

    /// <summary>Requests of one tenant that may wait for one model. Default 2,000.</summary>
    public int MaxWaitingPerTenant { get; init; } = 2_000;

    /// <summary>Requests that may be under way in all, waiting ones included. Default 100,000.</summary>
    public int MaxRequests { get; init; } = 100_000;

    /// <summary>Charge of an output token against an uncached prompt token. Default 2 (VTC, OSDI'24).</summary>
    public double OutputTokenWeight { get; init; } = 2;

    /// <summary>
    /// Service, in charged tokens, by which a tenant may be ahead of the least served one and still go first because
    /// its prompt is cached (D2LPM's deficit). Default 4,096.
    /// </summary>
    public double LocalityDeficitTokens { get; init; } = 4_096;

    /// <summary>
    /// What a tenant that used less than its share may have in hand when it returns, as seconds of the pool's whole
    /// work. 0: being away earns nothing, and whoever stays within its share on average waits after each burst.
    /// Default 2.
    /// </summary>
    public double BurstSeconds { get; init; } = 2;

    /// <exception cref="ArgumentException">A value is out of range; the message names all of them.</exception>
    internal void Validate()
    {
        List<string> errors = [];
        if (Classes.Count is 0 or > MaxClasses)
            errors.Add($"{nameof(Classes)} must be 1 to {MaxClasses}");
        if (Classes.Any(c => c.Priority is < 0 or >= MaxClasses))
            errors.Add($"a class's {nameof(SloClass.Priority)} must be 0 to {MaxClasses - 1}");
        if (Classes.Any(c =>
            !(c.TtftSeconds > 0 && c.TpotSeconds > 0 && c.MaxWaitSeconds > 0 && c.PromoteAfterSeconds > 0)))
            errors.Add("a class's times must be positive");
        if (BlockTokens < 1)
            errors.Add($"{nameof(BlockTokens)} must be positive");
        if (MaxWaiting < 1 || MaxWaitingPerTenant < 1 || MaxRequests < 1)
            errors.Add("the bounds of the queues must be positive");
        if (!(StaleAfterSeconds > 0 && BusyWindowSeconds > 0))
            errors.Add($"{nameof(StaleAfterSeconds)} and {nameof(BusyWindowSeconds)} must be positive");
        if (!(TransferSecondsPerToken >= 0 && TransferSetupSeconds >= 0 && EngineBacklogSeconds >= 0
            && ContendedBacklogSeconds >= 0 && BurstSeconds >= 0 && StreamDelayWeight >= 0
            && DueSecondsPerPrefillSecond >= 0 && LoraLoadSeconds >= 0 && OutputTokenWeight >= 0
            && LocalityDeficitTokens >= 0 && MostRetainSeconds >= 0))
            errors.Add("costs and weights must not be negative");
        if (!(Prior.PrefillTokensPerSecond > 0 && Prior.DecodeSecondsPerToken > 0))
            errors.Add("the prior's speeds must be positive");
        if (errors.Count > 0)
            throw new ArgumentException(string.Join("; ", errors));
    }
}
