using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway;

/// <summary>What every call of one router shares. Immutable; its members are thread-safe.</summary>
internal sealed record RouterParts(
    EngineRouterOptions Options,
    EngineClient Client,
    EnginePool Pool,
    RouteDesk Desk,
    RouteRequests Requests,
    RetryBudgets Retries,
    CacheSalt Salt,
    KvReleases Releases,
    TimeProvider Time,
    ILogger Logger);
