using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Reaches tool servers over MCP's streamable HTTP. One client a server, made at its first use, shared by all runs,
/// replaced when it breaks. Nothing of the caller's credential ever reaches a server: the HTTP client has no cookies,
/// no default credentials, and follows no redirects. Thread-safe.
/// </summary>
public sealed class McpToolTransport : IToolTransport, IAsyncDisposable
{
    /// <summary>The most servers that are kept connected; bundles name few.</summary>
    private const int MaxServers = 256;

    /// <summary>Calls of one server at a time; more wait within their own timeout.</summary>
    private const int MaxConnectionsPerServer = 64;

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxConnectionsPerServer = MaxConnectionsPerServer,
    })
    {
        // Each call carries its own deadline.
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly ConcurrentDictionary<Uri, McpServerLink> _links = [];
    private readonly TimeProvider _time;

    /// <summary>Connects nowhere yet.</summary>
    public McpToolTransport(TimeProvider time) => _time = time;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<ToolDescriptor>> ListAsync(
        ToolServer server, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(server);
        var tools = await LinkTo(server).ListAsync(server.Timeout, cancellationToken).ConfigureAwait(false);
        return [.. tools.Select(
            t => new ToolDescriptor($"{server.Name}/{t.Name}", t.Description ?? "", t.InputSchema))];
    }

    /// <inheritdoc/>
    public async ValueTask<ToolOutcome> CallAsync(
        ToolServer server, ToolInvocation invocation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(invocation);
        try
        {
            return await LinkTo(server).CallAsync(invocation, server, cancellationToken).ConfigureAwait(false);
        }
        catch (RuntimeErrorException e)
        {
            return new ToolOutcome.Failed(e.Error);
        }
    }

    /// <summary>Closes the connections; calls in flight fail.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links.Values)
            await link.DisposeAsync().ConfigureAwait(false);
        _http.Dispose();
    }

    private McpServerLink LinkTo(ToolServer server)
    {
        if (_links.TryGetValue(server.Endpoint, out var link))
            return link;
        if (_links.Count >= MaxServers)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.ToolServerUnreachable,
                $"The platform is already connected to {MaxServers} tool servers.",
                server.Name));
        return _links.GetOrAdd(
            server.Endpoint, static (endpoint, t) => new McpServerLink(endpoint, t._http, t._time), this);
    }
}
