using System.Diagnostics;
using System.Diagnostics.Metrics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Service levels and the demand for engines as gauges of the platform's meter, read when a collector asks: what a
/// dashboard shows, an alert fires on and an autoscaler follows. Labels are tenant, class and model, all of which the
/// operator or a bundle has named. Thread-safe. Dispose it with what it reads.
/// </summary>
public sealed class ServiceLevelMetrics : IDisposable
{
    private readonly IServiceLevels _levels;
    private readonly Meter _meter = new(RuntimeTelemetry.Name);

    /// <summary>Starts to offer the gauges.</summary>
    public ServiceLevelMetrics(IServiceLevels levels)
    {
        ArgumentNullException.ThrowIfNull(levels);
        _levels = levels;
        Level(
            "agentruntime.slo.attainment", "1",
            "Share of the last hour's requests that met both times", l => l.Attainment);
        Level(
            "agentruntime.slo.goodput", "{request}/s",
            "Requests a second that met both times", l => l.GoodputPerSecond);
        Level(
            "agentruntime.slo.error_budget_left", "1",
            "What is left of the misses that the objective allows; below 0 is overspent", l => l.ErrorBudgetLeft);
        Engines("agentruntime.engines", "Engines that take work", d => d.Engines, reason: false);
        Engines("agentruntime.engines.desired", "Engines that the load asks for", d => d.Desired, reason: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void Level(string name, string unit, string description, Func<ServiceLevel, double> value) =>
        _meter.CreateObservableGauge(
            name,
            () => _levels.All().Select(l => new Measurement<double>(
                value(l),
                new("agentruntime.tenant.id", l.Tenant.ToString()),
                new("agentruntime.slo.class", l.Target.Name),
                new("gen_ai.request.model", l.Model))),
            unit,
            description);

    private void Engines(string name, string description, Func<EngineDemand, int> value, bool reason) =>
        _meter.CreateObservableGauge(
            name,
            () => _levels.Demand().Select(d => new Measurement<int>(value(d), Tags(d, reason))),
            "{engine}",
            description);

    private static TagList Tags(EngineDemand demand, bool reason)
    {
        var tags = new TagList
        {
            { "gen_ai.request.model", demand.Model },
            { "agentruntime.engine.duty", NodesEndpoint.DutyOf(demand) },
        };
        if (reason)
            tags.Add("agentruntime.scaling.reason", demand.Reason);
        return tags;
    }
}
