using System.Text.Json;

namespace AgentRuntime.Abstractions;

/// <summary>Reaches tool servers, such as MCP servers. Thread-safe. Never carries the caller's credential.</summary>
public interface IToolTransport
{
    /// <summary>The tools that a server offers, named <c>server/tool</c>.</summary>
    /// <exception cref="RuntimeErrorException">AR5001, AR5002.</exception>
    ValueTask<IReadOnlyList<ToolDescriptor>> ListAsync(ToolServer server, CancellationToken cancellationToken);

    /// <summary>Calls a tool. The server may see the same idempotency key twice, and must do the work once.</summary>
    ValueTask<ToolOutcome> CallAsync(ToolServer server, ToolInvocation invocation, CancellationToken cancellationToken);
}

/// <summary>A tool server as a bundle names it. Immutable.</summary>
/// <param name="Name">The prefix of its tools' names: <c>shop</c> in <c>shop/refund</c>.</param>
/// <param name="Endpoint">Where it listens: an MCP streamable-HTTP address.</param>
public sealed record ToolServer(string Name, Uri Endpoint)
{
    /// <summary>The scheme of the addresses of tools that are modules.</summary>
    public const string ModuleScheme = "wasm";

    /// <summary>Whose agents call it, for what a transport does for one tenant after the other; default where nobody
    /// says.</summary>
    public TenantId Tenant { get; init; }

    /// <summary>How long one call may take. Default 30 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The hosts that may be reached; null when the bundle does not say.</summary>
    public EgressRules? Egress { get; init; }

    /// <summary>
    /// The address as the bundle names it, which <see cref="Egress"/> is about; null when it is the endpoint. Where the
    /// operator moved the server to is for the operator to say.
    /// </summary>
    public Uri? NamedEndpoint { get; init; }

    /// <summary>
    /// The module that the tool is, where the endpoint is <c>wasm:</c> and 64 lower-case hex digits; null otherwise.
    /// </summary>
    public ModuleDigest? Module =>
        Endpoint.Scheme == ModuleScheme && ModuleDigest.TryParse(Endpoint.AbsolutePath, out var module) ? module : null;
}

/// <summary>A tool as agents and models see it. Immutable.</summary>
/// <param name="Name">The qualified name, <c>server/tool</c>.</param>
/// <param name="Description">What it does.</param>
/// <param name="InputSchema">The JSON Schema of its arguments.</param>
public sealed record ToolDescriptor(string Name, string Description, JsonElement InputSchema);

/// <summary>One call of a tool. Immutable.</summary>
/// <param name="Tool">The name within its server: <c>refund</c>.</param>
/// <param name="Arguments">A JSON object.</param>
/// <param name="IdempotencyKey">The same for every attempt at the same call.</param>
public sealed record ToolInvocation(string Tool, JsonElement Arguments, string IdempotencyKey);

/// <summary>What became of a tool call: exactly one of the nested forms. Immutable.</summary>
public abstract record ToolOutcome
{
    private ToolOutcome()
    {
    }

    /// <summary>The tool answered.</summary>
    public sealed record Succeeded(string Content) : ToolOutcome;

    /// <summary>The tool answered with an error, or could not be reached (AR5xxx).</summary>
    public sealed record Failed(RuntimeError Error) : ToolOutcome;
}
