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

    private readonly ConcurrentDictionary<(Uri Endpoint, EgressRules? Egress), McpServerLink> _links = [];
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
    }

    private McpServerLink LinkTo(ToolServer server)
    {
        if (server.Egress is { } rules && !rules.Permits(server.NamedEndpoint ?? server.Endpoint))
            throw new RuntimeErrorException(EgressConnections.Denied(server));

        // Where the operator moved a server to is the operator's choice; the bundle's rules are about what it names.
        var egress = server.NamedEndpoint is { } named && named != server.Endpoint ? null : server.Egress;
        if (_links.TryGetValue((server.Endpoint, egress), out var link))
            return link;
        if (_links.Count >= MaxServers)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.ToolServerUnreachable,
                $"The platform is already connected to {MaxServers} tool servers.",
                server.Name));
        return _links.GetOrAdd(
            (server.Endpoint, egress),
            static (key, t) => new McpServerLink(key.Endpoint, EgressConnections.NewClient(key.Egress), t._time),
            this);
    }
}
