using AgentRuntime.Abstractions;
using AgentRuntime.Execution;
using AgentRuntime.Sandboxes.Tools;

namespace AgentRuntime.Host.Composition;

/// <summary>Reaches tool servers by the scheme of their address: modules at <c>wasm:</c>, MCP servers else.</summary>
internal sealed class ToolTransports(McpToolTransport servers, WasmToolTransport modules) : IToolTransport
{
    public ValueTask<IReadOnlyList<ToolDescriptor>> ListAsync(
        ToolServer server, CancellationToken cancellationToken) => Of(server).ListAsync(server, cancellationToken);

    public ValueTask<ToolOutcome> CallAsync(
        ToolServer server, ToolInvocation invocation, CancellationToken cancellationToken) =>
        Of(server).CallAsync(server, invocation, cancellationToken);

    private IToolTransport Of(ToolServer server) =>
        server.Endpoint.Scheme == ToolServer.ModuleScheme ? modules : servers;
}
