using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;

namespace AgentRuntime.Sandboxes.World;

/// <summary>The interface <c>tools</c>. Stateless.</summary>
internal static class ToolImports
{
    private const uint ToolBytes = 24;

    public static IEnumerable<WorldFunction> All { get; } =
    [
        new(AgentWorld.Interface("tools"), "list", Signature.Of("i"), MayBlock: true,
            static (session, arguments, _) => session.Block(new HostCall.ListTools(), (uint)arguments[0].AsI32())),
        new(AgentWorld.Interface("tools"), "call", Signature.Of("iiiii"), MayBlock: true, Call),
    ];

    private static HostReturn Call(GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var lift = session.Lift();
        var flat = new FlatReader(arguments);
        var name = lift.Text(flat.U32(), flat.U32());
        var argumentsJson = lift.Text(flat.U32(), flat.U32());
        return session.Block(new HostCall.CallTool(name, argumentsJson), flat.U32());
    }

    /// <summary>Lowers <c>list&lt;tool&gt;</c>.</summary>
    public static void Lower(RecordWriter record, IReadOnlyList<ToolDescriptor> tools) =>
        record.List(tools, ToolBytes, static (r, tool) =>
            r.Text(tool.Name).Text(tool.Description).Text(SchemaText(tool.InputSchema)));

    /// <summary>The schema's text; an absent one accepts any object.</summary>
    public static string SchemaText(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Undefined ? "{}" : schema.GetRawText();
}
