namespace AgentRuntime.Abstractions;

/// <summary>
/// How requests fared against their service classes, and how many engines their load asks for. Thread-safe; each call
/// reads the state of now.
/// </summary>
public interface IServiceLevels
{
    /// <summary>One tenant's classes that had requests in the last hour, by model and class.</summary>
    IReadOnlyList<ServiceLevel> Of(TenantId tenant);

    /// <summary>Those of all tenants: for the operator's metrics, never for a tenant.</summary>
    IReadOnlyList<ServiceLevel> All();

    /// <summary>Engines that are there and that should be, by model.</summary>
    IReadOnlyList<EngineDemand> Demand();
}

/// <summary>The last hour of one tenant's service class on one model. Immutable.</summary>
/// <param name="Tenant">Whose requests they were.</param>
/// <param name="Model">The model.</param>
/// <param name="Target">The class's terms as they were last.</param>
public sealed record ServiceLevel(TenantId Tenant, string Model, SloTarget Target)
{
    /// <summary>Requests that ended, refused ones included, cancelled ones not.</summary>
    public required long Requests { get; init; }

    /// <summary>Requests that were refused for want of an engine.</summary>
    public required long Refused { get; init; }

    /// <summary>Share of requests whose first token came in time.</summary>
    public required double FirstTokenAttainment { get; init; }

    /// <summary>Share of requests whose tokens followed in time.</summary>
    public required double OutputTokenAttainment { get; init; }

    /// <summary>Share of requests that met both.</summary>
    public required double Attainment { get; init; }

    /// <summary>Requests a second that met both.</summary>
    public required double GoodputPerSecond { get; init; }

    /// <summary>What is left of the misses that the objective allows: 1 is all, 0 none, below 0 is overspent.</summary>
    public required double ErrorBudgetLeft { get; init; }
}

/// <summary>What engines do for a request.</summary>
public enum EngineDuty
{
    /// <summary>Reading prompts.</summary>
    Prefill = 1,

    /// <summary>Writing answers.</summary>
    Decode = 2,
}

/// <summary>The signal for whoever starts and stops engines. Immutable.</summary>
/// <param name="Model">The model.</param>
/// <param name="Duty">What the engines do; one that does both is counted under each.</param>
/// <param name="Engines">Engines that take work now.</param>
/// <param name="Desired">How many there should be.</param>
/// <param name="Reason">
/// <c>enough</c>, <c>backlog</c>, <c>busy</c>, <c>capacity</c>, <c>idle</c> or <c>no_engine</c>.
/// </param>
public sealed record EngineDemand(string Model, EngineDuty Duty, int Engines, int Desired, string Reason);
