using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>Deploys, lists and deletes agents of the caller's project. Thread-safe.</summary>
internal sealed class AgentsEndpoint(
    EdgeOptions options, IAgentStore agents, ISandboxEngine engine, IPolicyDecisionPoint decisions, TimeProvider time)
    : IDisposable
{
    private readonly ModuleCompilations _modules = new(
        engine, options.MaxCompilations, options.DeploymentPatience, time);

    /// <summary>
    /// <c>PUT /v1/projects/{project}/agents/{agent}</c>: a module is compiled before anything is stored, and held
    /// against the limits that the bundle in force gives the agent, so that what is deployed can be run.
    /// </summary>
    public async Task DeployAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var project = context.Request.RouteValues["project"] as string ?? "";
        var name = context.Request.RouteValues["agent"] as string ?? "";
        if (project != caller.ProjectName)
            throw Error(ReasonCodes.NotFound, "there is no such project", "project");

        if (!ResourceName.IsLabel(name))
            throw Error(ReasonCodes.MalformedRequest, $"a name takes {ResourceName.LabelForm}", "agent");

        var type = context.Request.ContentType ?? "";
        if (!type.StartsWith("application/wasm", StringComparison.OrdinalIgnoreCase))
            throw Error(ReasonCodes.MalformedRequest, "the body must be a module: application/wasm", "Content-Type");

        var wasm = await _modules.CompileAsync(
            caller.Tenant,
            () => BodyReader.ReadAsync(context, options.MaxModuleBytes, cancellationToken).AsTask(),
            decisions.Current(caller.Tenant)?.FindAgent($"{project}/{name}")?.Limits,
            cancellationToken);
        var agent = await agents.DeployAsync(
            new AgentDeployment(caller.Tenant, caller.Project, name, wasm)
            {
                Pinned = decisions.Current(caller.Tenant)?.Tenant.ToolModules ?? [],
            },
            cancellationToken);
        context.Response.Headers.Location = $"/v1/projects/{agent.ProjectName}/agents/{agent.Name}";
        await JsonAnswer.WriteAsync(
            context, agent.Version == 1 ? 201 : 200, AgentResource.From(agent), WireJson.Default.AgentResource);
    }

    /// <summary><c>DELETE /v1/projects/{project}/agents/{agent}</c>: its runs that are under way go on.</summary>
    public async Task DeleteAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var project = context.Request.RouteValues["project"] as string ?? "";
        var name = context.Request.RouteValues["agent"] as string ?? "";
        if (project != caller.ProjectName
            || !await agents.DeleteAsync(caller.Tenant, project, name, cancellationToken))
            throw Error(ReasonCodes.UnknownAgent, $"there is no agent '{project}/{name}'", "agent");
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary><c>GET /v1/agents</c>.</summary>
    public async Task ListAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var all = await agents.ListAsync(caller.Tenant, cancellationToken);
        await JsonAnswer.WriteAsync(
            context,
            200,
            new AgentList([.. all.Where(a => a.Project == caller.Project).Select(AgentResource.From)]),
            WireJson.Default.AgentList);
    }

    public void Dispose() => _modules.Dispose();

    private static RuntimeErrorException Error(ReasonCode code, string message, string where) =>
        new(new RuntimeError(code, message, where));
}
