namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>Tells from a chat template how its model writes tool calls, and makes readers. Stateless.</summary>
internal static class ToolCallSyntaxes
{
    /// <summary>
    /// The syntax that a template shows its model; unknown when it shows none or one that is not read here.
    /// </summary>
    public static ToolCallSyntax Of(string template)
    {
        if (!template.Contains("tools", StringComparison.Ordinal))
            return ToolCallSyntax.Unknown;
        if (template.Contains("[TOOL_CALLS]", StringComparison.Ordinal))
            return ToolCallSyntax.Mistral;
        // Others write XML, or names and values in tags of their own, within the same tag.
        if (template.Contains("<tool_call>", StringComparison.Ordinal))
            return template.Contains("<function=", StringComparison.Ordinal)
                || template.Contains("<arg_key>", StringComparison.Ordinal)
                ? ToolCallSyntax.Unknown : ToolCallSyntax.Hermes;
        return template.Contains("<|start_header_id|>", StringComparison.Ordinal)
            && template.Contains("\"parameters\": ", StringComparison.Ordinal)
            ? ToolCallSyntax.Llama3 : ToolCallSyntax.Unknown;
    }

    /// <param name="syntax">Which.</param>
    /// <param name="only">The tool whose arguments are all that is written.</param>
    public static IToolCallReader ReaderOf(ToolCallSyntax syntax, string? only) => syntax switch
    {
        ToolCallSyntax.Hermes => new TaggedToolCallReader(),
        ToolCallSyntax.Llama3 => new HeldToolCallReader(["<|python_tag|>", "{"], onlyAtStart: true,
            ToolCallJson.Sequence),
        ToolCallSyntax.Mistral => new HeldToolCallReader(["[TOOL_CALLS]"], onlyAtStart: false, ToolCallJson.Mistral)
        {
            Markers = ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"],
        },
        ToolCallSyntax.BoundToOne => new HeldToolCallReader([""], onlyAtStart: true,
            text => ToolCallJson.Arguments(only!, text)),
        _ => new HeldToolCallReader([""], onlyAtStart: true, ToolCallJson.Sequence),
    };
}
