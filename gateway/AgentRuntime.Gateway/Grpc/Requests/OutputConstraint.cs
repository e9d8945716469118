using System.Text.Json;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>
/// What an answer must look like: OpenAI's <c>response_format</c>, and vLLM's <c>structured_outputs</c>. Stateless.
/// </summary>
internal static class OutputConstraint
{
    /// <exception cref="LegRefusal">It is malformed or of a kind that the messages do not have.</exception>
    public static void Apply(JsonElement body, SamplingParams p)
    {
        if (LegJson.Child(body, "response_format") is { } format)
            Format(format, p);
        if (LegJson.Child(body, "structured_outputs") is { } structured)
            Structured(structured, p);
    }

    private static void Format(JsonElement format, SamplingParams p)
    {
        switch (LegJson.Text(format, "type"))
        {
            case "text":
                break;
            case "json_object":
                p.JsonObject = true;
                break;
            case "json_schema" when LegJson.Child(format, "json_schema") is { } wrapper
                && LegJson.Child(wrapper, "schema") is { } schema:
                p.JsonSchema = schema.GetRawText();
                break;
            case "structural_tag":
                p.StructuralTag = format.GetRawText();
                break;
            default:
                throw LegRefusal.Malformed("response_format is none of text, json_object, json_schema with a schema");
        }
    }

    private static void Structured(JsonElement structured, SamplingParams p)
    {
        if (LegJson.Child(structured, "json") is { } schema)
            p.JsonSchema = schema.ValueKind == JsonValueKind.String ? schema.GetString() : schema.GetRawText();
        else if (LegJson.Text(structured, "regex") is { } regex)
            p.Regex = regex;
        else if (LegJson.Text(structured, "grammar") is { } grammar)
            p.Grammar = grammar;
        else if (LegJson.Text(structured, "structural_tag") is { } tag)
            p.StructuralTag = tag;
        else if (LegJson.Flag(structured, "json_object"))
            p.JsonObject = true;
        else if (LegJson.Child(structured, "choice") is { ValueKind: JsonValueKind.Array } choices)
            p.Choice = new()
            {
                Choices =
                {
                    choices.EnumerateArray().Select(c => c.ValueKind == JsonValueKind.String
                        ? c.GetString()! : throw LegRefusal.Malformed("a choice is no text")),
                },
            };
        else
            throw LegRefusal.Unsupported("these structured_outputs");
    }
}
