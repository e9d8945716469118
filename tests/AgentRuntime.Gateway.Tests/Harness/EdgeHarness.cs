using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// The edge on a real socket, over a router with scripted engines and ports that keep their state in memory.
/// </summary>
internal sealed class EdgeHarness : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EdgeHarness(WebApplication app, EngineRouter router)
    {
        _app = app;
        Router = router;
        var features = app.Services.GetRequiredService<IServer>().Features;
        Address = new Uri(features.Get<IServerAddressesFeature>()!.Addresses.First());
        Client = new HttpClient { BaseAddress = Address };
        UseKey(MemoryPorts.AcmeKey);
    }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public EngineRouter Router { get; }

    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public MemoryPorts Ports => _app.Services.GetRequiredService<MemoryPorts>();

    public static async Task<EdgeHarness> StartAsync(
        IReadOnlyList<ScriptedEngine> engines,
        EdgeOptions? options = null,
        Func<EngineRouterOptions, EngineRouterOptions>? change = null,
        NodeRegistrationOptions? registration = null)
    {
        var routerOptions = new EngineRouterOptions
        {
            Engines = [.. engines.Select(e => e.Descriptor)],
            Disaggregation = Disaggregation.Never,
            ProbeInterval = TimeSpan.FromMilliseconds(100),
            ProbeTimeout = Eventually.Patience,
        };
        var router = new EngineRouter(change?.Invoke(routerOptions) ?? routerOptions, TimeProvider.System);
        await router.StartAsync(CancellationToken.None);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var ports = new MemoryPorts();
        builder.Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton(ports)
            .AddSingleton<IAuthenticator>(ports)
            .AddSingleton<IPolicyDecisionPoint>(ports)
            .AddSingleton<IPolicyAdministration>(ports)
            .AddSingleton<IQuotaLedger>(new MemoryLedger())
            .AddSingleton<IRunService>(ports.Runs)
            .AddSingleton<IRunJournal>(ports.Runs)
            .AddSingleton<IRunApprovals>(ports.Approvals)
            .AddSingleton<IAgentStore>(ports.Agents)
            .AddSingleton<ISandboxEngine>(ports.Agents)
            .AddSingleton<IInferenceRouter>(router)
            .AddSingleton(router.ServiceLevels)
            .AddEdge(options ?? new EdgeOptions());
        if (registration is not null)
            builder.Services.AddSingleton(router).AddNodeRegistration(registration);
        var app = builder.Build();
        app.MapEdge();
        if (registration is not null)
            app.MapNodeRegistration();
        await app.StartAsync();
        return new EdgeHarness(app, router);
    }

    public void UseKey(string key) =>
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

    public Task<HttpResponseMessage> PostAsync(string path, string json) =>
        Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    public Task<HttpResponseMessage> DeployAsync(string name, string project = "demo", byte[]? module = null)
    {
        var content = new ByteArrayContent(module ?? "\0asm\u0001\0\0\0"u8.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/wasm");
        return Client.PutAsync($"v1/projects/{project}/agents/{name}", content);
    }

    public Task<HttpResponseMessage> ChatAsync(string more = "", string model = "m") => PostAsync(
        "v1/chat/completions",
        $$"""{"model":"{{model}}","messages":[{"role":"user","content":"hi"}]{{more}}}""");

    public static async Task<JsonElement> JsonAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == expected, $"{(int)response.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>An inference error: its code, after the form has been checked.</summary>
    public static async Task<string> OpenAiErrorAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        var error = (await JsonAsync(response, expected)).GetProperty("error");
        Assert.False(string.IsNullOrEmpty(error.GetProperty("message").GetString()));
        Assert.False(string.IsNullOrEmpty(error.GetProperty("type").GetString()));
        Assert.True(error.TryGetProperty("param", out _));
        return error.GetProperty("code").GetString()!;
    }

    /// <summary>A control error: its code, after the form has been checked.</summary>
    public static async Task<string> ProblemAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        var problem = await JsonAsync(response, expected);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal((int)expected, problem.GetProperty("status").GetInt32());
        Assert.Equal(
            response.Headers.GetValues("X-Request-Id").Single(), problem.GetProperty("request_id").GetString());
        return problem.GetProperty("code").GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        await Router.DisposeAsync();
    }
}
