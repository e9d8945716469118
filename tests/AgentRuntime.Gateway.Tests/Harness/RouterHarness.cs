using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>A started router over scripted engines, and short ways to ask it.</summary>
internal sealed class RouterHarness(EngineRouter router) : IAsyncDisposable
{
    public static WorkIdentity Acme { get; } = Identity("acme");

    public EngineRouter Router => router;

    public static async Task<RouterHarness> StartAsync(
        IReadOnlyList<ScriptedEngine> engines,
        Func<EngineRouterOptions, EngineRouterOptions>? change = null,
        TimeProvider? time = null)
    {
        var options = new EngineRouterOptions
        {
            Engines = [.. engines.Select(e => e.Descriptor)],
            Disaggregation = Disaggregation.Never,
            ProbeInterval = TimeSpan.FromMilliseconds(100),
            ProbeTimeout = Eventually.Patience,
        };
        var router = new EngineRouter(change?.Invoke(options) ?? options, time ?? TimeProvider.System);
        await router.StartAsync(CancellationToken.None);
        return new RouterHarness(router);
    }

    public static WorkIdentity Identity(string tenant) => new(
        TenantId.New(TimeProvider.System), tenant, ProjectId.New(TimeProvider.System), "demo", $"key:{tenant}");

    public static InferenceRequest Chat(
        string prompt = "Say hello",
        string more = "",
        int maxTokens = 64,
        WorkIdentity? identity = null,
        string model = "m") => new(
        identity ?? Acme,
        model,
        InferenceOperation.Chat,
        Encoding.UTF8.GetBytes(
            $$"""{"model":"{{model}}","messages":[{"role":"user","content":"{{prompt}}"}]{{more}}}"""),
        maxTokens);

    public async Task<IReadOnlyList<InferenceChunk>> AskAsync(
        InferenceRequest? request = null, CancellationToken cancellationToken = default)
    {
        var chunks = new List<InferenceChunk>();
        await foreach (var chunk in router.GenerateAsync(request ?? Chat(), cancellationToken))
            chunks.Add(chunk);
        return chunks;
    }

    public async Task<RuntimeError> RefusedAsync(InferenceRequest? request = null) =>
        (await Assert.ThrowsAsync<RuntimeErrorException>(() => AskAsync(request))).Error;

    public static string TextOf(IEnumerable<InferenceChunk> chunks) => string.Concat(chunks.Select(c => c.Text));

    public ValueTask DisposeAsync() => router.DisposeAsync();
}
