using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Gateway;
using AgentRuntime.Host.Composition;
using AgentRuntime.Host.Configuration;

namespace AgentRuntime.Host.Nodes;

/// <summary>Brings up the bundled nodes and describes all engines to the router.</summary>
internal static class EngineStart
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <exception cref="RuntimeErrorException">
    /// AR8005 a node did not start; AR4002 a backend does not list its models.
    /// </exception>
    public static async Task<IReadOnlyList<EngineDescriptor>> StartAsync(
        PlatformOptions options, NodeSupervisor nodes, CancellationToken cancellationToken)
    {
        var engines = new List<EngineDescriptor>();
        foreach (var engine in options.Engines) engines.Add(await DescribeAsync(engine, cancellationToken));
        if (options.Nodes.Count == 0) return engines;

        var commands = Commands(options);
        var addresses = await nodes.StartAsync(commands, cancellationToken);
        engines.AddRange(commands.Zip(addresses, (command, address) =>
            new EngineDescriptor(command.Name, address, EngineKind.Node)));
        return engines;
    }

    private static NodeCommand[] Commands(PlatformOptions options)
    {
        var nodes = options.Nodes;
        var model = nodes.Simulate ? null : ModelFile(options);
        var events = nodes.KvEvents && Tokenization.HasZeroMq;
        var threads = nodes.Threads > 0 ? nodes.Threads : Math.Max(1, Environment.ProcessorCount / nodes.Count);
        return
        [
            .. Enumerable.Range(1, nodes.Count).Select(i => new NodeCommand(
                $"node-{i}", model, nodes.ModelName, 0, nodes.ContextTokens, nodes.ParallelSequences, threads)
            {
                KvEvents = events, Device = nodes.Device, Exact = nodes.Exact,
            }),
        ];
    }

    /// <summary>The bundled nodes' model.</summary>
    public static string ModelFile(PlatformOptions options) => options.Nodes.Model ?? DemoModel.Ensure(options.State);

    /// <summary>An engine, or a template of engines, by what is configured alone.</summary>
    public static EngineDescriptor Describe(EngineOptions engine) =>
        new(engine.Name, new Uri(engine.Url), Enum.Parse<EngineKind>(engine.Kind, ignoreCase: true))
        {
            Roles = Enum.Parse<EngineRoles>(engine.Role, ignoreCase: true),
            ApiKey = engine.ApiKeyVariable is { } variable
                ? Environment.GetEnvironmentVariable(variable)?.Trim()
                : null,
            SharedCache = engine.SharedCache,
            KvHints = engine.KvHints,
            KvEvents = engine.KvEvents is { } events
                ? new(new Uri(events), engine.KvReplay is { } replay ? new Uri(replay) : null)
                : null,
        };

    private static async Task<EngineDescriptor> DescribeAsync(EngineOptions engine, CancellationToken cancellationToken)
    {
        var described = Describe(engine);
        return engine.ModelAlias is not { } alias ? described : described with
        {
            Models = new Dictionary<string, string>
            {
                [alias] = await FirstModelAsync(engine, described.ApiKey, cancellationToken),
            },
        };
    }

    private static async Task<string> FirstModelAsync(
        EngineOptions engine, string? key, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = Patience };
        if (key is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        try
        {
            var list = await http.GetFromJsonAsync<JsonElement>($"{engine.Url}/v1/models", cancellationToken);
            return list.GetProperty("data")[0].GetProperty("id").GetString() ?? throw new JsonException("no id");
        }
        catch (Exception e) when (
            (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            || e is JsonException or KeyNotFoundException or IndexOutOfRangeException or InvalidOperationException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.EngineUnreachable,
                    $"{engine.Url}/v1/models does not list a model: {e.Message}",
                    engine.Name,
                    "Is the server up, the address without /v1, and its API key in OPENAI_API_KEY?"),
                e);
        }
    }
}
