using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Engines from a JSON file, read again at every look. Keys of engines are named by environment variable, never written
/// into the file. A file that cannot be read or is wrong changes nothing: a half-written file must not empty the pool.
/// Thread-safe.
/// </summary>
/// <remarks>
/// <code>
/// {"engines": [{"name": "a", "url": "http://10.0.0.1:8000", "kind": "vllm", "roles": ["prefill"],
///   "models": {"small": "org/small"}, "max_running": 256, "api_key_env": "ENGINE_KEY",
///   "kv_events": "tcp://10.0.0.1:5557", "kv_replay": "tcp://10.0.0.1:5558"}]}
/// </code>
/// </remarks>
/// <param name="path">The file.</param>
public sealed class FileEngineSource(string path) : IEngineSource
{
    private const int MaxBytes = 4 << 20;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<EngineDescriptor>?> ListAsync(CancellationToken cancellationToken)
    {
        try
        {
            return new(Read(BoundedFile.Read(path, MaxBytes)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RuntimeErrorException)
        {
            return new((IReadOnlyList<EngineDescriptor>?)null);
        }
    }

    /// <summary>Reads the file's form.</summary>
    /// <exception cref="RuntimeErrorException">AR8001: it is wrong; the message says where.</exception>
    public static IReadOnlyList<EngineDescriptor> Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions
            {
                AllowDuplicateProperties = false,
                AllowTrailingCommas = true,
                CommentHandling = JsonCommentHandling.Skip,
                MaxDepth = 16,
            });
            return [.. document.RootElement.GetProperty("engines").EnumerateArray().Select(
                e => Engine(e, e.GetProperty("name").GetString() ?? ""))];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException or ArgumentException)
        {
            throw Wrong(e.Message);
        }
    }

    /// <summary>Reads one engine of that form, whose name is told otherwise.</summary>
    internal static EngineDescriptor Engine(JsonElement element, string name)
    {
        var engine = new EngineDescriptor(
            name,
            new Uri(element.GetProperty("url").GetString() ?? "", UriKind.Absolute),
            element.TryGetProperty("kind", out var kind) ? KindOf(kind.GetString(), name) : EngineKind.Vllm)
        {
            Roles = element.TryGetProperty("roles", out var roles)
                ? roles.EnumerateArray().Aggregate((EngineRoles)0, (all, role) => all | RoleOf(role.GetString(), name))
                : EngineRoles.Both,
            Models = element.TryGetProperty("models", out var models)
                ? models.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString() ?? m.Name)
                : null,
            KvEvents = element.TryGetProperty("kv_events", out var events)
                ? new KvEventEndpoints(
                    AddressOf(events, name),
                    element.TryGetProperty("kv_replay", out var replay) ? AddressOf(replay, name) : null)
                : null,
            BootstrapPort = element.TryGetProperty("bootstrap_port", out var port) ? port.GetInt32() : 8998,
            SharedCache = element.TryGetProperty("shared_cache", out var shared) && shared.GetBoolean(),
            KvHints = element.TryGetProperty("kv_hints", out var hints) && hints.GetBoolean(),
            MaxRunning = element.TryGetProperty("max_running", out var max) ? max.GetInt32() : 256,
            ApiKey = element.TryGetProperty("api_key_env", out var variable)
                ? Environment.GetEnvironmentVariable(variable.GetString() ?? "")?.Trim()
                    ?? throw Wrong($"engine '{name}': the variable of 'api_key_env' is not set")
                : null,
        };
        return EngineRouterOptions.ProblemOf(engine) is { } problem ? throw Wrong(problem) : engine;
    }

    private static Uri AddressOf(JsonElement value, string name) =>
        Uri.TryCreate(value.GetString(), UriKind.Absolute, out var address)
            ? address
            : throw Wrong($"engine '{name}': '{value.GetString()}' is not tcp://host:port");

    private static EngineKind KindOf(string? text, string name) => text switch
    {
        "node" => EngineKind.Node,
        "vllm" => EngineKind.Vllm,
        "openai" => EngineKind.OpenAi,
        "sglang" => EngineKind.SgLang,
        _ => throw Wrong($"engine '{name}': 'kind' is none of node, vllm, sglang, openai"),
    };

    private static EngineRoles RoleOf(string? text, string name) => text switch
    {
        "prefill" => EngineRoles.Prefill,
        "decode" => EngineRoles.Decode,
        _ => throw Wrong($"engine '{name}': a role is none of prefill, decode"),
    };

    private static RuntimeErrorException Wrong(string message) =>
        new(new RuntimeError(ReasonCodes.InvalidConfiguration, message, "engines"));
}
