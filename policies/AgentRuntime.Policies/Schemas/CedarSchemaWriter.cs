using System.Globalization;
using System.Text;

namespace AgentRuntime.Policies;

/// <summary>
/// Writes the Cedar schema of a bundle: the entity types, an action for each tool in a group for its server, and the
/// arguments as <c>context.input</c>. Policies are validated against it. Stateless.
/// </summary>
internal static class CedarSchemaWriter
{
    /// <summary>The schema in Cedar's own syntax.</summary>
    /// <param name="servers">The tool servers.</param>
    /// <param name="tools">Their tools.</param>
    /// <param name="memory">
    /// There are buckets. A bundle without any has the schema that it always had, and its policies stay valid.
    /// </param>
    public static string Write(
        IReadOnlyList<ServerDefinition> servers, IReadOnlyList<ToolPin> tools, bool memory = false)
    {
        var schema = new StringBuilder();
        schema.Append(CultureInfo.InvariantCulture, $$"""
            namespace {{CedarText.Namespace}} {
              entity Project;
              entity Agent in [Project] { name: String, project: String };
              entity Client in [Project] { project: String };
              entity ToolServer;
              entity Model;

              type History = {
                calls: Long, tool_calls: Long, model_calls: Long, failures: Long,
                integrity: String, confidentiality: String, sources: Set<String>, holds: Set<String>, approved: Bool
              };

              action "{{ActionNames.UseModel}}" appliesTo {
                principal: [Agent, Client],
                resource: [Model],
                context: { user: String, now: datetime, history: History }
              };
              action "{{ActionNames.CallTool}}";
              action "{{ActionNames.ReadOnly}}", "{{ActionNames.MayWrite}}" in ["{{ActionNames.CallTool}}"];

            """);
        if (memory)
        {
            schema.Append("  entity Memory;\n");
            WriteAction(schema, ActionNames.ReadMemory, "", "Memory", MemoryCalls.ReadArguments);
            WriteAction(schema, ActionNames.WriteMemory, "", "Memory", MemoryCalls.WriteArguments);
        }

        foreach (var server in servers)
        {
            schema.Append(
                CultureInfo.InvariantCulture,
                $"  action {CedarText.Quote(server.Name)} in [{CedarText.Quote(ActionNames.CallTool)}];\n");
        }

        foreach (var tool in tools)
            WriteTool(schema, tool);
        return schema.Append("}\n").ToString();
    }

    private static void WriteTool(StringBuilder schema, ToolPin tool)
    {
        var groups = $" in [{CedarText.Quote(tool.Server)}, {CedarText.Quote(ActionNames.EffectOf(tool))}]";
        WriteAction(schema, tool.Name, groups, "ToolServer", tool.Arguments);
    }

    private static void WriteAction(
        StringBuilder schema, string name, string groups, string resource, ObjectShape arguments)
    {
        schema.Append(CultureInfo.InvariantCulture, $$"""
              action {{CedarText.Quote(name)}}{{groups}} appliesTo {
                principal: [Agent],
                resource: [{{resource}}],
                context: { user: String, now: datetime, history: History, input: 
            """);
        WriteType(schema, arguments);
        schema.Append(" }\n  };\n");
    }

    private static void WriteType(StringBuilder schema, ArgumentShape shape)
    {
        switch (shape)
        {
            case TextShape:
                schema.Append("String");
                break;
            case IntegerShape:
                schema.Append("Long");
                break;
            case FlagShape:
                schema.Append("Bool");
                break;
            case NumberShape:
                schema.Append("decimal");
                break;
            case ListShape list:
                schema.Append("Set<");
                WriteType(schema, list.Element);
                schema.Append('>');
                break;
            case ObjectShape record:
                WriteRecord(schema, record);
                break;
            default:
                throw new InvalidOperationException($"a {shape.GetType().Name} has no Cedar type");
        }
    }

    private static void WriteRecord(StringBuilder schema, ObjectShape record)
    {
        schema.Append('{');
        var separator = " ";
        foreach (var property in record.Properties)
        {
            if (property.Shape is OpaqueShape)
                continue;
            schema.Append(separator).Append(CedarText.Quote(property.Name)).Append(property.Required ? ": " : "?: ");
            WriteType(schema, property.Shape);
            separator = ", ";
        }

        schema.Append(" }");
    }
}
