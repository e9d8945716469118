using AgentRuntime.Abstractions;
using Microsoft.Extensions.DependencyInjection;

namespace AgentRuntime.Gateway;

/// <summary>
/// The addresses below <c>/v1/policy</c>, where the host composes <see cref="IPolicyVersions"/> and
/// <see cref="IPolicyAnalysis"/>. Stateless.
/// </summary>
internal static class PolicyRoutes
{
    /// <param name="services">The host's ports.</param>
    /// <param name="map">Maps a method and an address to a handler.</param>
    public static void Map(IServiceProvider services, Action<string, string, EdgeHandler> map)
    {
        if (services.GetService<IPolicyVersions>() is not { } versions
            || services.GetService<IPolicyAnalysis>() is not { } analysis)
            return;
        var options = services.GetRequiredService<EdgeOptions>();
        var bodies = services.GetRequiredService<JsonBodies>();
        var changes = new PolicyVersionsEndpoint(options, versions, analysis, bodies);
        var questions = new PolicyAnalysisEndpoint(options, analysis, bodies);
        map("GET", "/v1/policy", changes.StatusAsync);
        map("GET", "/v1/policy/history", changes.HistoryAsync);
        map("POST", "/v1/policy/rollback", changes.RollbackAsync);
        map("GET", "/v1/policy/shadow", changes.ShadowAsync);
        map("PUT", "/v1/policy/shadow", changes.BeginShadowAsync);
        map("DELETE", "/v1/policy/shadow", changes.EndShadowAsync);
        map("POST", "/v1/policy/test", questions.TestAsync);
        map("POST", "/v1/policy/plan", questions.PlanAsync);
        map("POST", "/v1/policy/explain", questions.ExplainAsync);
        map("POST", "/v1/policy/simulate", questions.SimulateAsync);
        map("POST", "/v1/policy/audit", questions.AuditAsync);
        map("GET", "/v1/policy/decisions", questions.DecisionsAsync);
        map("GET", "/v1/policy/threats", questions.ThreatsAsync);
        map("DELETE", "/v1/policy/threats/{project}/{agent}", questions.LiftAsync);
    }
}
