using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What the router must know of a request. Immutable; the block keys must not change until it has ended.
/// </summary>
public readonly record struct RouteRequest
{
    /// <summary>The pool, from <see cref="RoutingCore.TryGetPool"/>.</summary>
    public required int Pool { get; init; }

    /// <summary>Whose service counter it is charged to.</summary>
    public required TenantId Tenant { get; init; }

    /// <summary>Position of its class in <see cref="RoutingOptions.Classes"/>. Default 0.</summary>
    public int Class { get; init; }

    /// <summary>
    /// The tenant's own terms of the class: times that count as met, the longest wait, whether it may be shed. Its
    /// order among others is that of <see cref="Class"/>. Null for the class as the options have it.
    /// </summary>
    public SloClass? Service { get; init; }

    /// <summary>Tokens of the prompt, known or estimated; at least 1.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Tokens that the answer is expected to have; when unknown, a share of its limit. Default 256.</summary>
    public int ExpectedOutputTokens { get; init; }

    /// <summary>Keys of the prompt's whole blocks; empty when nothing is known of its content.</summary>
    public ReadOnlyMemory<BlockKey> Blocks { get; init; }

    /// <summary>
    /// The adapter, from <see cref="RoutingCore.LoraOf"/>; 0 for the base model. Engines that cannot serve it are never
    /// chosen.
    /// </summary>
    public int Lora { get; init; }

    /// <summary>
    /// When the answer is of no use any more, in seconds of the caller's clock; null for the class's wait.
    /// </summary>
    public double? Deadline { get; init; }

    /// <summary>
    /// Within how many seconds from now the conversation is expected to ask again; null when unknown.
    /// </summary>
    public double? NextCallExpectedIn { get; init; }

    /// <summary>
    /// Whether one engine must do it all, as with several answers to one prompt. An engine that otherwise only writes
    /// answers then reads the prompt too, where there is none that does both. Default false.
    /// </summary>
    public bool Colocated { get; init; }

    /// <summary>An engine that must not serve it; <c>default</c> for none.</summary>
    public EngineRef Avoid { get; init; }

    /// <summary>Whatever the caller wants back with the assignment.</summary>
    public object? State { get; init; }

    /// <summary>KV tokens that it may come to hold.</summary>
    internal long KvTokens => (long)PromptTokens + ExpectedOutputTokens;
}

/// <summary>A request in a <see cref="RoutingCore"/>. A ticket whose request has ended is refused everywhere.</summary>
/// <param name="Slot">Its place.</param>
/// <param name="Generation">Which request of that place; 0 names none.</param>
public readonly record struct RouteTicket(int Slot, uint Generation);
