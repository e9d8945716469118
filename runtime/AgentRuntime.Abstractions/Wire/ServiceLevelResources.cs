namespace AgentRuntime.Abstractions;

/// <summary>The last hour of one service class on one model, in the form that clients read.</summary>
/// <param name="Model">The model.</param>
/// <param name="Class">The class's name in the bundle.</param>
/// <param name="Priority">0 (first) to 3.</param>
/// <param name="TtftTargetMs">Time to first token that counts as met.</param>
/// <param name="TpotTargetMs">Time per output token that counts as met.</param>
/// <param name="Objective">Share of requests that shall meet both.</param>
/// <param name="Requests">Requests that ended, refused ones included, cancelled ones not.</param>
/// <param name="Refused">Requests that were refused for want of an engine.</param>
/// <param name="TtftAttainment">Share whose first token came in time.</param>
/// <param name="TpotAttainment">Share whose tokens followed in time.</param>
/// <param name="Attainment">Share that met both.</param>
/// <param name="GoodputPerSecond">Requests a second that met both.</param>
/// <param name="ErrorBudgetLeft">1 is all, 0 none, below 0 is overspent.</param>
public sealed record ServiceLevelResource(
    string Model,
    string Class,
    int Priority,
    double TtftTargetMs,
    double TpotTargetMs,
    double Objective,
    long Requests,
    long Refused,
    double TtftAttainment,
    double TpotAttainment,
    double Attainment,
    double GoodputPerSecond,
    double ErrorBudgetLeft)
{
    /// <summary>The wire form.</summary>
    public static ServiceLevelResource From(ServiceLevel level)
    {
        ArgumentNullException.ThrowIfNull(level);
        return new(
            level.Model,
            level.Target.Name,
            level.Target.Priority,
            level.Target.TimeToFirstToken.TotalMilliseconds,
            level.Target.TimePerOutputToken.TotalMilliseconds,
            level.Target.Objective,
            level.Requests,
            level.Refused,
            level.FirstTokenAttainment,
            level.OutputTokenAttainment,
            level.Attainment,
            level.GoodputPerSecond,
            level.ErrorBudgetLeft);
    }
}

/// <summary>The tenant's classes that had requests in the last hour, by model and class.</summary>
public sealed record ServiceLevelList(IReadOnlyList<ServiceLevelResource> ServiceLevels);
