using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>GET /v1/slo</c>: how the caller's own requests fared against its service classes in the last hour, as this
/// process served them. Thread-safe.
/// </summary>
internal sealed class ServiceLevelsEndpoint(IServiceLevels levels)
{
    public Task ListAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken) =>
        JsonAnswer.WriteAsync(
            context,
            200,
            new ServiceLevelList([.. levels.Of(caller.Tenant).Select(ServiceLevelResource.From)]),
            WireJson.Default.ServiceLevelList);
}
