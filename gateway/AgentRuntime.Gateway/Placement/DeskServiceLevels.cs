using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>
/// What is told of requests that have ended, and of the engines that their load asks for. Thread-safe. Not the desk
/// itself, which a container that is given the port would dispose of a second time.
/// </summary>
internal sealed class DeskServiceLevels(RouteDesk desk) : IServiceLevels
{
    public IReadOnlyList<ServiceLevel> Of(TenantId tenant) => Levels(tenant);

    public IReadOnlyList<ServiceLevel> All() => Levels(null);

    public IReadOnlyList<EngineDemand> Demand() =>
    [
        .. desk.Scaling().OrderBy(a => a.Model, StringComparer.Ordinal).SelectMany(a => new EngineDemand[]
        {
            new(a.Model, EngineDuty.Prefill, a.Advice.PrefillEngines, a.Advice.DesiredPrefillEngines,
                ReasonOf(a.Advice.PrefillReason)),
            new(a.Model, EngineDuty.Decode, a.Advice.DecodeEngines, a.Advice.DesiredDecodeEngines,
                ReasonOf(a.Advice.DecodeReason)),
        }),
    ];

    private static string ReasonOf(ScalingReason reason) => reason switch
    {
        ScalingReason.Enough => "enough",
        ScalingReason.Backlog => "backlog",
        ScalingReason.Busy => "busy",
        ScalingReason.Capacity => "capacity",
        ScalingReason.Idle => "idle",
        ScalingReason.NoEngine => "no_engine",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "unknown reason"),
    };

    private static ServiceLevel LevelOf(SloStanding standing) => new(
        standing.Tenant,
        standing.Model,
        new(standing.Service.Name, standing.Service.Priority)
        {
            TimeToFirstToken = TimeSpan.FromSeconds(standing.Service.TtftSeconds),
            TimePerOutputToken = TimeSpan.FromSeconds(standing.Service.TpotSeconds),
            Deadline = TimeSpan.FromSeconds(standing.Service.MaxWaitSeconds),
            Sheddable = standing.Service.Sheddable,
            Objective = standing.Service.Objective,
        })
    {
        Requests = standing.Report.Requests,
        Refused = standing.Report.Refused,
        FirstTokenAttainment = standing.Report.TtftAttainment,
        OutputTokenAttainment = standing.Report.TpotAttainment,
        Attainment = standing.Report.Attainment,
        GoodputPerSecond = standing.Report.GoodputPerSecond,
        ErrorBudgetLeft = standing.Report.ErrorBudgetLeft,
    };

    private IReadOnlyList<ServiceLevel> Levels(TenantId? tenant) =>
    [
        .. desk.Standings(tenant).Select(LevelOf)
            .OrderBy(l => l.Model, StringComparer.Ordinal)
            .ThenBy(l => l.Target.Priority)
            .ThenBy(l => l.Target.Name, StringComparer.Ordinal),
    ];
}
