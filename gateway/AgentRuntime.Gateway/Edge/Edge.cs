using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace AgentRuntime.Gateway;

/// <summary>
/// The platform's HTTP face: OpenAI-compatible inference and the API of runs, agents and policy. Needs from the
/// container the ports <see cref="IAuthenticator"/>, <see cref="IRunService"/>, <see cref="IRunApprovals"/>,
/// <see cref="IRunJournal"/>, <see cref="IAgentStore"/>, <see cref="ISandboxEngine"/>,
/// <see cref="IPolicyDecisionPoint"/>, <see cref="IPolicyAdministration"/>, <see cref="IInferenceRouter"/>,
/// <see cref="IQuotaLedger"/> and <see cref="TimeProvider"/>; where <see cref="IServiceLevels"/> is there too,
/// <c>/v1/slo</c> shows them; where <see cref="ITenantStorage"/>, <see cref="IMemoryStore"/> and
/// <see cref="StorageLimits"/> are, <c>/v1/storage</c> shows what is kept.
/// </summary>
public static class Edge
{
    /// <summary>Adds the edge and sets Kestrel's limits.</summary>
    /// <exception cref="RuntimeErrorException">AR8001: the options do not validate; every problem is named.</exception>
    public static IServiceCollection AddEdge(this IServiceCollection services, EdgeOptions options)
    {
        options.Validate();
        services.AddRouting();
        services.Configure<KestrelServerOptions>(kestrel => Limit(kestrel, options));

        // A request is worked on where its bytes were received, and its answer sent where it was made: both are threads
        // of the pool already, and handing over between them costs more than the work (decision 0423).
        services.Configure<SocketTransportOptions>(static sockets => sockets.UnsafePreferInlineScheduling = true);
        return services
            .AddSingleton(options)
            .AddSingleton<EdgeGate>()
            .AddSingleton<LargeBodies>()
            .AddSingleton(new BodyBytes(options.MaxInferenceBytes, options.MaxInferenceBytesPerTenant))
            .AddSingleton<JsonBodies>()
            .AddSingleton<ModelPolicy>()
            .AddSingleton<InferenceEndpoint>()
            .AddSingleton<ModelsEndpoint>()
            .AddSingleton<ResponsesEndpoint>()
            .AddSingleton<RunsEndpoint>()
            .AddSingleton<ApprovalsEndpoint>()
            .AddSingleton<AgentsEndpoint>()
            .AddSingleton<PolicyEndpoint>();
    }

    /// <summary>Maps every address of the edge; call it once, first among what the application maps.</summary>
    public static void MapEdge(this WebApplication app)
    {
        app.UseMiddleware<EdgeRequest>();
        app.UseRouting();
        var services = app.Services;
        var gate = services.GetRequiredService<EdgeGate>();
        var options = services.GetRequiredService<EdgeOptions>();

        app.MapGet("/healthz", static context => context.Response.WriteAsync("ok"));

        var inference = services.GetRequiredService<InferenceEndpoint>();
        var models = services.GetRequiredService<ModelsEndpoint>();
        OpenAi("POST", "/v1/chat/completions", inference.For(InferenceOperation.Chat), options.InferenceTimeout);
        OpenAi("POST", "/v1/completions", inference.For(InferenceOperation.Completion), options.InferenceTimeout);
        var responses = services.GetRequiredService<ResponsesEndpoint>();
        OpenAi("POST", "/v1/responses", responses.PostAsync, options.InferenceTimeout);
        OpenAi("POST", "/v1/embeddings", inference.EmbedAsync, options.InferenceTimeout);
        OpenAi("GET", "/v1/models", models.ListAsync, options.ControlTimeout);
        OpenAi("GET", "/v1/models/{**id}", models.GetAsync, options.ControlTimeout);

        // Answers that may be event streams live as long as their run; what they do before that is bounded by itself.
        var runs = services.GetRequiredService<RunsEndpoint>();
        Control("POST", "/v1/projects/{project}/agents/{agent}/runs", runs.StartAsync, null);
        Control("POST", "/v1/agents/{agent}/runs", runs.StartAsync, null);
        Control("GET", "/v1/runs", runs.ListAsync, options.ControlTimeout);
        Control("GET", "/v1/runs/{id}", runs.GetAsync, options.ControlTimeout);
        Control("GET", "/v1/runs/{id}/events", runs.EventsAsync, null);
        Control("POST", "/v1/runs/{id}/cancel", runs.CancelAsync, options.ControlTimeout);

        var approvals = services.GetRequiredService<ApprovalsEndpoint>();
        Control("GET", "/v1/approvals", approvals.ListAsync, options.ControlTimeout);
        Control("POST", "/v1/runs/{id}/approvals/{call}", approvals.DecideAsync, options.ControlTimeout);

        var agents = services.GetRequiredService<AgentsEndpoint>();
        Control("PUT", "/v1/projects/{project}/agents/{agent}", agents.DeployAsync, options.ControlTimeout);
        Control("DELETE", "/v1/projects/{project}/agents/{agent}", agents.DeleteAsync, options.ControlTimeout);
        Control("GET", "/v1/agents", agents.ListAsync, options.ControlTimeout);
        Control("PUT", "/v1/policy", services.GetRequiredService<PolicyEndpoint>().PutAsync, options.ControlTimeout);
        if (services.GetService<IServiceLevels>() is { } levels)
            Control("GET", "/v1/slo", new ServiceLevelsEndpoint(levels).ListAsync, options.ControlTimeout);
        if (services.GetService<ITenantStorage>() is { } storage)
        {
            var kept = new StorageEndpoint(
                storage, services.GetRequiredService<IMemoryStore>(), services.GetRequiredService<StorageLimits>());
            Control("GET", "/v1/storage", kept.GetAsync, options.ControlTimeout);
            Control("DELETE", "/v1/memory/{bucket}", kept.ClearAsync, options.ControlTimeout);
        }

        PolicyRoutes.Map(services, (method, pattern, handler) =>
            Control(method, pattern, handler, options.ControlTimeout));

        void OpenAi(string method, string pattern, EdgeHandler handler, TimeSpan? timeout) =>
            app.MapMethods(pattern, [method], gate.Guard(handler, timeout)).WithMetadata(ErrorForm.OpenAiObject);

        void Control(string method, string pattern, EdgeHandler handler, TimeSpan? timeout) =>
            app.MapMethods(pattern, [method], gate.Guard(handler, timeout)).WithMetadata(ErrorForm.Problem);
    }

    private static void Limit(KestrelServerOptions kestrel, EdgeOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Limits.MaxRequestBodySize = Math.Max(
            Math.Max(options.MaxInferenceBodyBytes, options.MaxModuleBytes),
            Math.Max(options.MaxRunBodyBytes, options.MaxPolicyBodyBytes));
        kestrel.Limits.MaxRequestHeadersTotalSize = options.MaxHeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.MaxRequestLineSize = 4 << 10;
        kestrel.Limits.RequestHeadersTimeout = options.RequestHeadersTimeout;
    }
}
