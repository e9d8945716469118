using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Compares what a server offers now with what was approved. The transport remembers a server's list for as long as
/// it is connected, so this costs a request only after a (re)connect. Thread-safe.
/// </summary>
internal sealed class ToolPins(IToolTransport transport)
{
    /// <summary>Why the tool must not be called: AR5007, or the list cannot be had (AR5001, AR5002, AR5004).</summary>
    public async ValueTask<RuntimeError?> CheckAsync(
        ToolServer server, ToolDescriptor pinned, CancellationToken cancellationToken)
    {
        IReadOnlyList<ToolDescriptor> offered;
        try
        {
            offered = await transport.ListAsync(server, cancellationToken).ConfigureAwait(false);
        }
        catch (RuntimeErrorException e)
        {
            return e.Error;
        }
        foreach (var tool in offered)
            if (tool.Name == pinned.Name)
                return JsonElement.DeepEquals(tool.InputSchema, pinned.InputSchema)
                    ? null
                    : new RuntimeError(
                        ReasonCodes.ToolSchemaChanged,
                        "The server's tool takes other arguments than the tool that was approved.",
                        pinned.Name,
                        "Review the new schema and apply a bundle that pins it.");
        return new RuntimeError(ReasonCodes.UnknownTool, "The server no longer offers the tool.", pinned.Name);
    }
}
