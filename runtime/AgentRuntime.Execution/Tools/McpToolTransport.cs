using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Reaches tool servers over MCP's streamable HTTP. One client a server, made at its first use, shared by all runs,
/// replaced when it breaks. What a server sends is bounded, whether or not its responses ever end. Nothing of the
/// caller's credential ever reaches a server: the HTTP client has no cookies, no default credentials, and follows no
/// redirects. Thread-safe.
/// </summary>
public sealed class McpToolTransport : IToolTransport, IAsyncDisposable
{
    /// <summary>The most servers that are kept connected; bundles name few.</summary>
    private const int MaxServers = 256;

    /// <summary>
    /// How much longer a response may be than the largest result: JSON writes a byte in up to six, and some servers
    /// send a result as text and as structure.
    /// </summary>
    private const int ResponseFactor = 8;

    /// <summary>Lists of tools have room whatever the largest result is.</summary>
    private const long MinResponseBytes = 1 << 20;

    private readonly McpServerLinks _links;

    /// <summary>Connects nowhere yet.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="options">How large results may be; null for the defaults.</param>
    public McpToolTransport(TimeProvider time, RunServiceOptions? options = null)
        : this(time, options, MaxServers)
    {
    }

    internal McpToolTransport(TimeProvider time, RunServiceOptions? options, int maxServers)
    {
        var largest = (options ?? new RunServiceOptions()).MaxToolResultBytes;
        var maxBytes = Math.Max(MinResponseBytes, (long)ResponseFactor * largest);
        _links = new McpServerLinks(
            maxServers,
            key => new McpServerLink(
                key.Endpoint, EgressConnections.NewClient(key.Egress, maxBytes), maxListChars: maxBytes, time));
    }

    /// <summary>Servers that it is connected to, or about to be.</summary>
    internal int Servers => _links.Count;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<ToolDescriptor>> ListAsync(
        ToolServer server, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(server);
        var tools = await _links.UseAsync(
            server, Egress(server), link => link.ListAsync(server.Timeout, cancellationToken)).ConfigureAwait(false);
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
            return await _links.UseAsync(
                server, Egress(server), link => link.CallAsync(invocation, server, cancellationToken))
                .ConfigureAwait(false);
        }
        catch (RuntimeErrorException e)
        {
            return new ToolOutcome.Failed(e.Error);
        }
    }

    /// <summary>Closes the connections; calls in flight fail.</summary>
    public ValueTask DisposeAsync() => _links.DisposeAsync();

    /// <summary>The rules of a server's connections.</summary>
    /// <exception cref="RuntimeErrorException">AR2016: they do not list the server.</exception>
    private static EgressRules? Egress(ToolServer server)
    {
        if (server.Egress is { } rules && !rules.Permits(server.NamedEndpoint ?? server.Endpoint))
            throw new RuntimeErrorException(EgressConnections.Denied(server));

        // Where the operator moved a server to is the operator's choice; the bundle's rules are about what it names.
        return server.NamedEndpoint is { } named && named != server.Endpoint ? null : server.Egress;
    }
}
