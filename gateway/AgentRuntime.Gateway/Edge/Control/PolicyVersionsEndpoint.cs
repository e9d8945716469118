using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>What is in force and in shadow, what was, and going back. Thread-safe.</summary>
internal sealed class PolicyVersionsEndpoint(
    EdgeOptions options, IPolicyVersions versions, IPolicyAnalysis analysis, JsonBodies bodies)
{
    /// <summary><c>GET /v1/policy</c>.</summary>
    public async Task StatusAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken) =>
        await JsonAnswer.WriteAsync(
            context,
            200,
            await analysis.StatusAsync(caller.Tenant, cancellationToken),
            WireJson.Default.PolicyStatusResource);

    /// <summary><c>GET /v1/policy/history</c>.</summary>
    public async Task HistoryAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var history = await versions.HistoryAsync(caller.Tenant, cancellationToken);
        await JsonAnswer.WriteAsync(
            context,
            200,
            new BundleVersionList([.. history.Select(BundleVersionResource.From)]),
            WireJson.Default.BundleVersionList);
    }

    /// <summary><c>POST /v1/policy/rollback</c>; 422 when the earlier bundle is not valid any more.</summary>
    public async Task RollbackAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var body = await bodies.ReadAsync<PolicyRollbackBody>(
            context, caller, options.MaxPolicyBodyBytes, cancellationToken);
        if (body.Version is <= 0)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.MalformedRequest,
                "'version' must be 1 or more, or left out for the newest with another content",
                "version"));
        }

        await WriteAsync(context, await versions.RollbackAsync(caller, body.Version, cancellationToken));
    }

    /// <summary><c>GET /v1/policy/shadow</c>: what it has decided differently; 404 when there is none.</summary>
    public async Task ShadowAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken) =>
        await JsonAnswer.WriteAsync(
            context,
            200,
            await analysis.ShadowAsync(caller.Tenant, cancellationToken) ?? throw NoShadow(),
            WireJson.Default.PolicySimulationResource);

    /// <summary><c>PUT /v1/policy/shadow</c>: a bundle; 422 with every problem when it is not valid.</summary>
    public async Task BeginShadowAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        // A dry run is of PUT /v1/policy: nothing is put in shadow by one.
        QueryParameters.AllowOnly(context.Request);
        var body = await bodies.ReadAsync<PolicyBundleBody>(
            context, caller, options.MaxPolicyBodyBytes, cancellationToken);
        await WriteAsync(context, await versions.BeginShadowAsync(caller, body.Files, cancellationToken));
    }

    /// <summary><c>DELETE /v1/policy/shadow</c>; 404 when there is none.</summary>
    public async Task EndShadowAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        if (!await versions.EndShadowAsync(caller, cancellationToken))
            throw NoShadow();
        context.Response.StatusCode = 204;
    }

    private static Task WriteAsync(HttpContext context, ApplyOutcome outcome) =>
        JsonAnswer.WriteAsync(
            context,
            outcome.Problems.Count == 0 ? 200 : 422,
            PolicyBundleResource.From(outcome),
            WireJson.Default.PolicyBundleResource);

    private static RuntimeErrorException NoShadow() =>
        new(new RuntimeError(
            ReasonCodes.UnknownBundleVersion,
            "no bundle is in shadow",
            "shadow",
            "'agentctl policy apply --shadow DIR' begins one."));
}
