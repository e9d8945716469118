using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>PUT /v1/policy</c>: the tenant's bundle as one; 422 with every problem when it is not in force. With
/// <c>dry_run=true</c> it is only checked.
/// </summary>
internal sealed class PolicyEndpoint(
    EdgeOptions options, IPolicyAdministration policy, JsonBodies bodies, IPolicyVersions? versions = null)
{
    private const string DryRun = "dry_run";

    public async Task PutAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        QueryParameters.AllowOnly(context.Request, DryRun);
        var onlyChecks = QueryParameters.Flag(context.Request, DryRun);
        var body = await bodies.ReadAsync<PolicyBundleBody>(
            context, caller, options.MaxPolicyBodyBytes, cancellationToken);
        var outcome = onlyChecks
            ? await policy.ValidateAsync(caller.Tenant, body.Files, cancellationToken)
            : versions is not null
                ? await versions.ApplyAsync(caller, body.Files, cancellationToken)
                : await policy.ApplyAsync(caller.Tenant, body.Files, cancellationToken);
        await JsonAnswer.WriteAsync(
            context,
            outcome.Problems.Count == 0 ? 200 : 422,
            PolicyBundleResource.From(outcome),
            WireJson.Default.PolicyBundleResource);
    }
}
