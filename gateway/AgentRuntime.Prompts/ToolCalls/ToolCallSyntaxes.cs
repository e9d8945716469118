namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>Tells from a chat template how its model writes tool calls, and makes readers. Stateless.</summary>
internal static class ToolCallSyntaxes
{
    /// <summary>What marks calls, which may be control tokens, in all syntaxes that models have.</summary>
    public static IReadOnlyList<string> Markers { get; } =
    [
        .. ReaderOf(ToolCallSyntax.Hermes, null).Markers, .. ReaderOf(ToolCallSyntax.MistralNames, null).Markers,
    ];

    /// <summary>
    /// The syntax that a template shows its model; unknown when it shows none or one that is not read here.
    /// </summary>
    public static ToolCallSyntax Of(string template)
    {
        if (!template.Contains("tools", StringComparison.Ordinal))
            return ToolCallSyntax.Unknown;
        if (template.Contains("[TOOL_CALLS]", StringComparison.Ordinal))
            return template.Contains("[ARGS]", StringComparison.Ordinal)
                ? ToolCallSyntax.MistralNames : ToolCallSyntax.MistralList;
        // Others write XML, or names and values in tags of their own, within the same tag.
        if (template.Contains("<tool_call>", StringComparison.Ordinal))
            return template.Contains("<function=", StringComparison.Ordinal)
                || template.Contains("<arg_key>", StringComparison.Ordinal)
                || template.Contains("<invoke name=", StringComparison.Ordinal)
                ? ToolCallSyntax.Unknown : ToolCallSyntax.Hermes;
        return template.Contains("<|start_header_id|>", StringComparison.Ordinal)
            && template.Contains("\"parameters\": ", StringComparison.Ordinal)
            ? ToolCallSyntax.Llama3 : ToolCallSyntax.Unknown;
    }

    /// <summary>vLLM's name of the parser that reads a syntax; null for one that has none.</summary>
    public static string? ParserOf(ToolCallSyntax syntax) => syntax switch
    {
        ToolCallSyntax.Hermes => "hermes",
        ToolCallSyntax.Llama3 => "llama3_json",
        ToolCallSyntax.MistralList or ToolCallSyntax.MistralNames => "mistral",
        _ => null,
    };

    /// <summary>The syntax that a parser of vLLM reads; unknown for others.</summary>
    public static ToolCallSyntax OfParser(string? name) => name switch
    {
        "hermes" => ToolCallSyntax.Hermes,
        "llama3_json" => ToolCallSyntax.Llama3,
        "mistral" => ToolCallSyntax.MistralNames,
        _ => ToolCallSyntax.Unknown,
    };

    /// <param name="syntax">Which.</param>
    /// <param name="only">The tool whose arguments are all that is written.</param>
    /// <param name="isCalls">
    /// Whether an answer is calls that may be text as well, of a syntax without marks; null for all that look so.
    /// </param>
    public static IToolCallReader ReaderOf(
        ToolCallSyntax syntax, string? only, Func<string, bool>? isCalls = null) => syntax switch
    {
        ToolCallSyntax.Hermes => new TaggedToolCallReader(),
        ToolCallSyntax.Llama3 => new HeldToolCallReader(["<|python_tag|>", "{"], onlyAtStart: true,
            text => isCalls?.Invoke(text) == false ? null : ToolCallJson.Sequence(text)),
        ToolCallSyntax.MistralList or ToolCallSyntax.MistralNames =>
            new HeldToolCallReader(["[TOOL_CALLS]"], onlyAtStart: false, ToolCallJson.Mistral)
            {
                Markers = ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"],
            },
        ToolCallSyntax.BoundToOne => new HeldToolCallReader([""], onlyAtStart: true,
            text => ToolCallJson.Arguments(only!, text)),
        _ => new HeldToolCallReader([""], onlyAtStart: true, ToolCallJson.Sequence),
    };
}
