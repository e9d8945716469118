using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace AgentRuntime.Gateway;

/// <summary>Lets nodes join by themselves; without it <c>/v1/nodes</c> is not there.</summary>
public static class NodeRegistration
{
    /// <summary>
    /// Adds the list of registered engines. Keep a router in step with it by an <see cref="EngineDiscovery"/>. Needs
    /// the <see cref="EngineRouter"/> from the container.
    /// </summary>
    /// <exception cref="Abstractions.RuntimeErrorException">AR8001: the options do not validate.</exception>
    public static IServiceCollection AddNodeRegistration(
        this IServiceCollection services, NodeRegistrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return services.AddSingleton(options).AddSingleton<RegisteredEngines>().AddSingleton<NodesEndpoint>();
    }

    /// <summary>Maps <c>/v1/nodes</c> and <c>/v1/nodes/{name}</c>; call it after the edge has been mapped.</summary>
    public static void MapNodeRegistration(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var nodes = app.Services.GetRequiredService<NodesEndpoint>();
        app.MapMethods("/v1/nodes", ["GET"], nodes.ListAsync).WithMetadata(ErrorForm.Problem);
        app.MapMethods("/v1/nodes/{name}", ["PUT"], nodes.PutAsync).WithMetadata(ErrorForm.Problem);
        app.MapMethods("/v1/nodes/{name}", ["DELETE"], nodes.DeleteAsync).WithMetadata(ErrorForm.Problem);
    }
}
