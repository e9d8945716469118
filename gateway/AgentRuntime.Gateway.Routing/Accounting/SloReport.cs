using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <summary>How requests met their class's times over the last hour. Immutable.</summary>
public readonly record struct SloReport
{
    /// <summary>No request, and so nothing missed.</summary>
    public static SloReport Nothing { get; } = new()
    {
        TtftAttainment = 1, TpotAttainment = 1, Attainment = 1, ErrorBudgetLeft = 1,
    };

    /// <summary>Requests that ended, refused ones included, cancelled ones not.</summary>
    public long Requests { get; init; }

    /// <summary>Requests that were refused.</summary>
    public long Refused { get; init; }

    /// <summary>Share whose first token came in time.</summary>
    public double TtftAttainment { get; init; }

    /// <summary>Share whose tokens followed in time.</summary>
    public double TpotAttainment { get; init; }

    /// <summary>Share that met both.</summary>
    public double Attainment { get; init; }

    /// <summary>Requests a second that met both.</summary>
    public double GoodputPerSecond { get; init; }

    /// <summary>What is left of the misses that the objective allows: 1 is all, 0 none, below 0 is overspent.</summary>
    public double ErrorBudgetLeft { get; init; }
}

/// <summary>One tenant's class on one model. Immutable.</summary>
/// <param name="Model">The model.</param>
/// <param name="Tenant">Whose requests they were.</param>
/// <param name="Service">The class's terms as they were last.</param>
/// <param name="Report">How they were kept.</param>
public sealed record SloStanding(string Model, TenantId Tenant, SloClass Service, SloReport Report);
