using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Http;

/// <summary>
/// Reads what the answer must look like: <c>tools</c>, <c>tool_choice</c>, <c>parallel_tool_calls</c>,
/// <c>response_format</c>, and vLLM's <c>structured_outputs</c>. Stateless.
/// </summary>
internal static class OutputFormatReader
{
    private const int MostTools = 128;

    /// <param name="body">The request.</param>
    /// <param name="calls">How the model writes calls.</param>
    /// <exception cref="RuntimeErrorException">AR1004 malformed; AR1010 not supported.</exception>
    public static (IReadOnlyList<RequestTool> Tools, OutputGrammar? Grammar) Read(
        JsonElement body, ToolCallSyntax calls)
    {
        var tools = Tools(body);
        var format = Format(body);
        var (offered, required) = Choice(body, tools);
        if (offered.Count == 0) return (offered, format);
        if (format is not null)
            throw CompletionRequestReader.Unsupported("an output format together with tools", "response_format");
        var callable = required is { Length: > 0 } ? [.. offered.Where(t => t.Name == required)] : offered;
        var single = !CompletionRequestReader.Boolean(body, "parallel_tool_calls", otherwise: true);
        return (offered, CallGrammar.Of(callable, calls, required is not null, single));
    }

    /// <summary>The tools that the prompt has.</summary>
    /// <exception cref="RuntimeErrorException">AR1004 malformed.</exception>
    public static IReadOnlyList<RequestTool> Offered(JsonElement body) => Choice(body, Tools(body)).Offered;

    /// <summary>The tools to offer, and what must be called: null nothing, empty any of them, else that one.</summary>
    private static (IReadOnlyList<RequestTool> Offered, string? Required) Choice(
        JsonElement body, IReadOnlyList<RequestTool> tools)
    {
        if (!body.TryGetProperty("tool_choice", out var choice)
            || choice.ValueKind == JsonValueKind.Null) return (tools, null);
        if (choice.ValueKind == JsonValueKind.String)
        {
            return choice.GetString() switch
            {
                "none" => ([], null),
                "auto" => (tools, null),
                "required" when tools.Count > 0 => (tools, ""),
                _ => throw Malformed("tool_choice is none of none, auto, required (with tools), a function",
                    "tool_choice"),
            };
        }

        return choice.ValueKind == JsonValueKind.Object
            && choice.TryGetProperty("function", out var function) && function.ValueKind == JsonValueKind.Object
            && function.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
            && tools.Any(t => t.Name == name.GetString())
            ? (tools, name.GetString())
            : throw Malformed("tool_choice names no tool that is offered", "tool_choice");
    }

    /// <summary>The form of an answer without tools; null for any.</summary>
    /// <exception cref="RuntimeErrorException">AR1004 malformed; AR1010 not supported.</exception>
    public static OutputGrammar? Format(JsonElement body)
    {
        var structured = CompletionRequestReader.Child(body, "structured_outputs");
        if (CompletionRequestReader.Child(body, "response_format") is not { } format)
            return structured is null ? null : Structured(structured.Value);
        if (structured is not null)
            throw Malformed("structured_outputs comes together with response_format", "structured_outputs");
        var type = format.ValueKind == JsonValueKind.Object && format.TryGetProperty("type", out var t)
            && t.ValueKind == JsonValueKind.String ? t.GetString() : null;
        return type switch
        {
            "text" => null,
            "json_object" => OutputGrammar.OfAnyObject(),
            "json_schema" => format.TryGetProperty("json_schema", out var wrapper)
                && wrapper.ValueKind == JsonValueKind.Object && wrapper.TryGetProperty("schema", out var schema)
                ? OutputGrammar.OfSchema(schema, IsStrict(wrapper, "response_format"))
                : throw Malformed("response_format.json_schema has no schema", "response_format"),
            _ => throw Malformed("response_format.type is none of text, json_object, json_schema", "response_format"),
        };
    }

    private static OutputGrammar? Structured(JsonElement structured)
    {
        const string Where = "structured_outputs";
        if (structured.ValueKind != JsonValueKind.Object) throw Malformed("structured_outputs is no object", Where);
        JsonProperty[] given = [.. structured.EnumerateObject().Where(
            p => p.Name is "json" or "regex" or "choice" or "grammar" or "json_object" or "structural_tag"
                && p.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False))];
        if (given is not [var only])
            throw Malformed("structured_outputs has not one of json, regex, choice, grammar, json_object", Where);
        var text = only.Value.ValueKind == JsonValueKind.String ? only.Value.GetString() : null;
        switch (only.Name)
        {
            case "json" when text is not null:
                using (var schema = ParsedSchema(text)) return OutputGrammar.OfSchema(schema.RootElement);
            case "json":
                return OutputGrammar.OfSchema(only.Value);
            case "json_object" when only.Value.ValueKind == JsonValueKind.True:
                return OutputGrammar.OfAnyObject();
            case "regex" when text is not null:
                return OutputGrammar.OfPattern(text);
            case "grammar" when text is not null:
                return OutputGrammar.Given(text);
            case "choice" when only.Value.ValueKind == JsonValueKind.Array && only.Value.GetArrayLength() > 0
                && only.Value.EnumerateArray().All(c => c.ValueKind == JsonValueKind.String):
                return OutputGrammar.OfChoice(only.Value.EnumerateArray().Select(c => c.GetString()!));
            case "structural_tag":
                throw CompletionRequestReader.Unsupported("structured_outputs.structural_tag", Where);
            default:
                throw Malformed($"structured_outputs.{only.Name} is not of the right type", Where);
        }
    }

    private static JsonDocument ParsedSchema(string text)
    {
        try
        {
            return JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            throw Malformed("structured_outputs.json is no JSON", "structured_outputs");
        }
    }

    private static IReadOnlyList<RequestTool> Tools(JsonElement body)
    {
        if (!body.TryGetProperty("tools", out var list) || list.ValueKind == JsonValueKind.Null) return [];
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() > MostTools)
            throw Malformed($"tools is not a list of at most {MostTools}", "tools");
        return [.. list.EnumerateArray().Select(Tool)];
    }

    private static RequestTool Tool(JsonElement tool, int index)
    {
        var where = $"tools[{index}]";
        if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("function", out var function)
            || function.ValueKind != JsonValueKind.Object)
            throw Malformed($"{where} has no function", "tools");
        if (!function.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String
            || name.GetString() is not { Length: > 0 and <= 256 } text)
            throw Malformed($"{where}.function has no name", "tools");
        return new(
            text,
            RequestJson.Compact(function),
            function.TryGetProperty("parameters", out var parameters) && parameters.ValueKind == JsonValueKind.Object
                ? RequestJson.Compact(parameters)
                : null,
            IsStrict(function, "tools"));
    }

    /// <summary>Whether a schema is to be refused where not all of it can be enforced.</summary>
    private static bool IsStrict(JsonElement holder, string where) =>
        CompletionRequestReader.Child(holder, "strict") switch
        {
            null or { ValueKind: JsonValueKind.False } => false,
            { ValueKind: JsonValueKind.True } => true,
            _ => throw Malformed("strict is neither true nor false", where),
        };

    private static RuntimeErrorException Malformed(string message, string where) =>
        CompletionRequestReader.Malformed(message, where);
}
