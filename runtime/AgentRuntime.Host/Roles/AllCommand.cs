using System.CommandLine;
using AgentRuntime.Host.Configuration;

namespace AgentRuntime.Host.Roles;

/// <summary>
/// <c>agentruntime all</c>: everything in one process, with child inference nodes, a database and local files.
/// </summary>
internal static class AllCommand
{
    private const string KeyVariable = "OPENAI_API_KEY";

    public static Command Create()
    {
        var config = new Option<FileInfo?>("--config") { Description = "JSON file of options" };
        var state = new Option<string?>("--state") { Description = "Folder of the database, keys and made models" };
        var postgres = new Option<string?>("--postgres-variable")
        {
            Description = "Environment variable with a PostgreSQL connection string, in place of the database file",
        };
        var port = new Option<int?>("--port") { Description = "Port of the edge on 127.0.0.1; 0 takes any free one" };
        var model = new Option<FileInfo?>("--model") { Description = "A GGUF file for the bundled nodes" };
        var device = new Option<string?>("--device")
        {
            Description = "What the bundled nodes compute on: cpu, vulkan or cuda (runtime/docs/accelerators.md)",
        };
        var backend = new Option<string?>("--backend")
        {
            Description = "An OpenAI-compatible server, such as vLLM, in place of the bundled nodes",
        };
        var colocated = new Option<bool>("--colocated") { Description = "Prefill and decode on the same engine" };
        var tools = new Option<string[]>("--tool")
        {
            Description = "name=URL of a tool server, in place of its bundle's",
        };
        var command = new Command("all", "Everything in one process")
        {
            config, state, postgres, port, model, device, backend, colocated, tools,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(model) is not null && result.GetValue(backend) is not null)
                result.AddError("--model and --backend exclude each other");
            if (result.GetValue(device) is not null && result.GetValue(backend) is not null)
                result.AddError("--device and --backend exclude each other: --device is for the bundled nodes");
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var file = parsed.GetValue(config);
            var options = file is null ? new PlatformOptions() : PlatformOptionsFile.Read(file.FullName);
            if (parsed.GetValue(state) is { } folder) options = options with { State = folder };
            if (parsed.GetValue(postgres) is { } variable) options = options with { PostgresVariable = variable };
            if (parsed.GetValue(port) is { } p) options = options with { Listen = $"http://127.0.0.1:{p}" };
            if (parsed.GetValue(model) is { } gguf)
                options = options with { Nodes = options.Nodes with { Model = gguf.FullName } };
            if (parsed.GetValue(device) is { } on)
                options = options with { Nodes = options.Nodes with { Device = on } };
            if (parsed.GetValue(backend) is { } url) options = WithBackend(options, url);
            if (parsed.GetValue(colocated)) options = options with { Disaggregation = "never" };
            options = options with { ToolEndpoints = WithTools(options.ToolEndpoints, parsed.GetValue(tools) ?? []) };
            PlatformOptionsValidation.ThrowIfInvalid(options, file?.ToString());
            await AllRole.RunAsync(options, cancellationToken);
            return 0;
        });
        return command;
    }

    /// <summary>
    /// The backend's one model takes the name that the demo's agents ask for; keys come from the environment.
    /// </summary>
    private static PlatformOptions WithBackend(PlatformOptions options, string url) => options with
    {
        Nodes = options.Nodes with { Count = 0 },
        Disaggregation = "never",
        Engines =
        [
            new EngineOptions
            {
                Name = "backend",
                Url = WithoutVersion(url.TrimEnd('/')),
                ModelAlias = options.Nodes.ModelName,
                ApiKeyVariable =
                    Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } ? KeyVariable : null,
            },
        ],
    };

    /// <summary>OpenAI's clients are given addresses that end in <c>/v1</c>; engines are named without.</summary>
    private static string WithoutVersion(string url) =>
        url.EndsWith("/v1", StringComparison.Ordinal) ? url[..^"/v1".Length] : url;

    private static Dictionary<string, string> WithTools(IReadOnlyDictionary<string, string> configured, string[] given)
    {
        var endpoints = new Dictionary<string, string>(configured);
        foreach (var pair in given)
        {
            var split = pair.IndexOf('=', StringComparison.Ordinal);
            endpoints[split < 0 ? pair : pair[..split]] = split < 0 ? "" : pair[(split + 1)..];
        }

        return endpoints;
    }
}
