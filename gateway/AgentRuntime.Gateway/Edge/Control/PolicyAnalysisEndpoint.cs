using System.Text.Json.Serialization.Metadata;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Questions about bundles and about what they decided. A bundle that is not valid is answered with 422 and all of its
/// problems. Thread-safe.
/// </summary>
internal sealed class PolicyAnalysisEndpoint(EdgeOptions options, IPolicyAnalysis analysis, JsonBodies bodies)
{
    private const int DefaultPage = 50;
    private const int MaxPage = 1_000;

    /// <summary><c>POST /v1/policy/test</c>.</summary>
    public async Task TestAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var body = await ReadAsync<PolicyBundleBody>(context, caller, cancellationToken);
        await AnswerAsync(
            context,
            await analysis.TestAsync(caller.Tenant, body.Files, cancellationToken),
            WireJson.Default.PolicyTestResource);
    }

    /// <summary><c>POST /v1/policy/plan</c>.</summary>
    public async Task PlanAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var body = await ReadAsync<PolicyBundleBody>(context, caller, cancellationToken);
        await AnswerAsync(
            context,
            await analysis.PlanAsync(caller.Tenant, body.Files, cancellationToken),
            WireJson.Default.PolicyPlanResource);
    }

    /// <summary><c>POST /v1/policy/explain</c>.</summary>
    public async Task ExplainAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var body = await ReadAsync<PolicyExplainBody>(context, caller, cancellationToken);
        await AnswerAsync(
            context,
            await analysis.ExplainAsync(caller, body, cancellationToken),
            WireJson.Default.PolicyExplanationResource);
    }

    /// <summary><c>POST /v1/policy/simulate</c>.</summary>
    public async Task SimulateAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var body = await ReadAsync<PolicySimulateBody>(context, caller, cancellationToken);
        await AnswerAsync(
            context,
            await analysis.SimulateAsync(caller.Tenant, body, cancellationToken),
            WireJson.Default.PolicySimulationResource);
    }

    /// <summary><c>POST /v1/policy/audit</c>.</summary>
    public async Task AuditAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var body = await ReadAsync<PolicyAuditBody>(context, caller, cancellationToken);
        await AnswerAsync(
            context,
            await analysis.AuditAsync(caller.Tenant, body, cancellationToken),
            WireJson.Default.PolicyAuditResource);
    }

    /// <summary><c>GET /v1/policy/decisions</c>: a page, newest first.</summary>
    public async Task DecisionsAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var size = (int)QueryParameters.Number(context.Request, "page_size", DefaultPage, 1, MaxPage);
        var before = QueryParameters.Text(context.Request, "page_token");
        await JsonAnswer.WriteAsync(
            context,
            200,
            await analysis.DecisionsAsync(caller.Tenant, before, size, cancellationToken),
            WireJson.Default.DecisionList);
    }

    /// <summary><c>GET /v1/policy/threats</c>.</summary>
    public Task ThreatsAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken) =>
        JsonAnswer.WriteAsync(context, 200, analysis.Threats(caller.Tenant), WireJson.Default.ThreatList);

    /// <summary><c>DELETE /v1/policy/threats/{project}/{agent}</c>; 404 when nothing holds.</summary>
    public Task LiftAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var agent = $"{context.Request.RouteValues["project"]}/{context.Request.RouteValues["agent"]}";
        if (!analysis.LiftThreats(caller, agent))
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.UnknownAgent, $"nothing is held against an agent '{agent}'", "agent"));
        context.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    private Task<T> ReadAsync<T>(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
        where T : class =>
        bodies.ReadAsync<T>(context, caller, options.MaxPolicyBodyBytes, cancellationToken);

    private static Task AnswerAsync<T>(HttpContext context, T answer, JsonTypeInfo<T> type)
        where T : PolicyAnswer =>
        JsonAnswer.WriteAsync(context, answer.Problems is { Count: > 0 } ? 422 : 200, answer, type);
}
