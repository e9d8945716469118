using System.Text;
using System.Text.Json;
using AgentRuntime.Prompts.ToolCalls;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>tools</c> and <c>tool_choice</c>: a free choice is read from the model's own syntax; where a call is demanded
/// the engine is bound to its JSON, as vLLM's HTTP endpoint does it. Stateless.
/// </summary>
internal static class ToolChoice
{
    /// <returns>How calls are found in the answer, null for not at all, and the tool that they are all of.</returns>
    /// <exception cref="LegRefusal">It is malformed, or the model's syntax cannot be told.</exception>
    public static (ToolCallSyntax? Syntax, string? Only) Apply(
        JsonElement body, ToolCallSyntax syntax, SamplingParams sampling)
    {
        if (LegJson.Child(body, "tools") is not { ValueKind: JsonValueKind.Array } tools || tools.GetArrayLength() == 0)
            return (null, null);
        var choice = LegJson.Child(body, "tool_choice");
        var word = choice is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
        if (word == "none")
            return (null, null);
        if (choice is null || word == "auto")
            return syntax == ToolCallSyntax.Unknown
                ? throw LegRefusal.Unsupported("tools with this model, whose chat template shows no way of calling "
                    + "them that is known")
                : (syntax, null);
        if (sampling.ConstraintCase != SamplingParams.ConstraintOneofCase.None)
            throw LegRefusal.Unsupported("response_format together with a tool_choice that demands a call");
        if (word == "required")
        {
            sampling.JsonSchema = AnyOf(tools);
            return (ToolCallSyntax.BoundToList, null);
        }

        if (choice is { ValueKind: JsonValueKind.Object } && LegJson.Child(choice.Value, "function") is { } function
            && LegJson.Text(function, "name") is { } name
            && tools.EnumerateArray().Select(Function).FirstOrDefault(f => LegJson.Text(f, "name") == name)
                is { ValueKind: JsonValueKind.Object } tool)
        {
            sampling.JsonSchema = Parameters(tool);
            return (ToolCallSyntax.BoundToOne, name);
        }

        throw LegRefusal.Malformed("tool_choice is none of none, auto, required, a tool that is offered");
    }

    private static JsonElement Function(JsonElement tool) =>
        LegJson.Child(tool, "function") is { ValueKind: JsonValueKind.Object } function
            ? function : throw LegRefusal.Malformed("a tool has no function");

    private static string Parameters(JsonElement function) =>
        LegJson.Child(function, "parameters")?.GetRawText() ?? """{"type":"object"}""";

    private static string AnyOf(JsonElement tools)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, "array"u8);
            json.WriteNumber("minItems"u8, 1);
            json.WriteStartObject("items"u8);
            json.WriteStartArray("anyOf"u8);
            foreach (var function in tools.EnumerateArray().Select(Function))
            {
                json.WriteStartObject();
                json.WriteString("type"u8, "object"u8);
                json.WriteStartObject("properties"u8);
                json.WriteStartObject("name"u8);
                json.WriteStartArray("enum"u8);
                json.WriteStringValue(LegJson.Text(function, "name")
                    ?? throw LegRefusal.Malformed("a tool has no name"));
                json.WriteEndArray();
                json.WriteEndObject();
                json.WritePropertyName("parameters"u8);
                json.WriteRawValue(Parameters(function));
                json.WriteEndObject();
                json.WriteStartArray("required"u8);
                json.WriteStringValue("name"u8);
                json.WriteStringValue("parameters"u8);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }
}
