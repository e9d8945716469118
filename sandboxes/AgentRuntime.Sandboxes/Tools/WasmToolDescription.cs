using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;

namespace AgentRuntime.Sandboxes.Tools;

/// <summary>
/// Reads what a tool's module says of itself: its setting <c>tool</c>, a JSON object with <c>name</c>,
/// <c>description</c> and <c>input_schema</c>. Stateless.
/// </summary>
internal static class WasmToolDescription
{
    private const string Setting = "tool";
    private const int MaxNameLength = 64;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <exception cref="RuntimeErrorException">AR5001: the module does not describe a tool.</exception>
    public static ToolDescriptor Of(WasmSandboxModule module, ToolServer server)
    {
        if (!module.OwnSettings.TryGetValue(Setting, out var json))
        {
            throw NoTool(server, "it carries no setting 'tool'");
        }
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            var tool = document.RootElement;
            var name = tool.GetProperty("name").GetString() ?? "";
            if (name.Length is 0 or > MaxNameLength || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
            {
                throw NoTool(server, "its name is not 1 to 64 letters, digits, hyphens and underscores");
            }
            var schema = tool.GetProperty("input_schema");
            if (schema.ValueKind != JsonValueKind.Object) throw NoTool(server, "its input_schema is no object");
            return new ToolDescriptor(
                $"{server.Name}/{name}", tool.GetProperty("description").GetString() ?? "", schema.Clone());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw NoTool(server, "its setting 'tool' is not an object with name, description and input_schema");
        }
    }

    private static RuntimeErrorException NoTool(ToolServer server, string why) => new(new RuntimeError(
        ReasonCodes.ToolServerUnreachable,
        $"The module does not describe a tool: {why}.",
        $"{server.Name}: {server.Endpoint}",
        "Describe it as the examples 'iban' and 'slug' do."));
}
