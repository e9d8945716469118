using AgentRuntime.Abstractions;
using AgentRuntime.ControlPlane;
using AgentRuntime.Execution;
using AgentRuntime.Gateway;
using AgentRuntime.Host.Composition;
using AgentRuntime.Host.Configuration;
using AgentRuntime.Host.Nodes;
using AgentRuntime.Host.Seeding;
using AgentRuntime.Policies;
using AgentRuntime.Storage;

namespace AgentRuntime.Host.Roles;

/// <summary>
/// Role <c>all</c>: every room in one process. Reads as a contents page: what is composed, then what is started, in
/// the order in which one needs the other, and last the door.
/// </summary>
internal static class AllRole
{
    /// <summary>Runs until it is told to stop. Prints <c>ready URL</c> when it serves.</summary>
    /// <exception cref="RuntimeErrorException">It could not start.</exception>
    public static async Task RunAsync(PlatformOptions options, CancellationToken cancellationToken)
    {
        using var state = StateFolder.Take(options.State);
        using var telemetry = Telemetry.Start("all", Environment.MachineName);
        await using var nodes = new NodeSupervisor(TimeProvider.System, Logging.Factory.CreateLogger<NodeSupervisor>());
        var sandboxes = SandboxEngines.Create(
            options.Sandbox, Logging.Factory.CreateLogger("AgentRuntime.Host.Sandboxes"));
        var engines = await EngineStart.StartAsync(options, nodes, cancellationToken);
        await using var stores = await StateStores.OpenAsync(options, cancellationToken);

        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            // Nothing is configured by files that change; watching the folder that the program was started in would
            // cost a wake-up for every write to a database beneath it.
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
        });
        builder.Listen(options);
        builder.Services
            .AddState(stores, options)
            .AddPolicy(options)
            .AddSandboxes(sandboxes)
            .AddInference(options, engines)
            .AddRuns(options)
            .AddTenantSeed()
            .AddNodes(options)
            .AddEdge(new EdgeOptions());
        await using var app = builder.Build();
        app.MapEdge();
        if (options.Registration is not null) app.MapNodeRegistration();

        var services = app.Services;
        await services.GetRequiredService<EngineRouter>().StartAsync(cancellationToken);
        _ = services.GetRequiredService<ServiceLevelMetrics>(); // offers its gauges from now on
        await using var sources = await EngineSources.StartAsync(options, services, cancellationToken);
        foreach (var problem in await services.GetRequiredService<PolicyDecisionPoint>().LoadAsync(cancellationToken))
            Logging.LogBundleLeftOut(Logging.Factory.CreateLogger<PolicyDecisionPoint>(), problem.ToString());
        foreach (var tenant in options.Tenants)
            await services.GetRequiredService<TenantSeed>().ApplyAsync(tenant, options.State, cancellationToken);
        var runs = services.GetRequiredService<RunService>();
        await runs.ResumeAsync(cancellationToken);
        var sweep = services.GetRequiredService<RunRetentionSweep>();
        await app.ServeAsync([runs.RunAsync, stores.WatchAsync, sweep.RunAsync], cancellationToken);
    }
}
