using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Turns a request of OpenAI's Responses API into one of its chat API, which engines speak. Nothing is kept here
/// between requests, so what refers to earlier responses is refused by name. Stateless.
/// </summary>
internal static class ResponsesRequest
{
    private static readonly string[] NotOffered =
        ["previous_response_id", "conversation", "background", "prompt", "include"];

    private static readonly string[] PassedOn =
    [
        "model", "temperature", "top_p", "top_k", "stream", "seed", "stop", "parallel_tool_calls", "user", "ignore_eos",
    ];

    /// <exception cref="RuntimeErrorException">AR1004 cannot be read; AR1010 is not offered.</exception>
    public static byte[] ToChat(byte[] body, int maxDepth)
    {
        try
        {
            using var document = JsonDocument.Parse(
                body, new JsonDocumentOptions { MaxDepth = maxDepth, AllowDuplicateProperties = false });
            return ToChat(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.MalformedRequest, "the body is not a request of the Responses API", "body"));
        }
    }

    private static byte[] ToChat(JsonElement root)
    {
        foreach (var name in NotOffered)
        {
            if (root.TryGetProperty(name, out var value) && !IsNothing(value))
                throw Unsupported(name, $"'{name}' is not offered: send the whole conversation as 'input'");
        }

        var output = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            foreach (var name in PassedOn)
            {
                if (!root.TryGetProperty(name, out var value))
                    continue;

                json.WritePropertyName(name);
                value.WriteTo(json);
            }

            if (root.TryGetProperty("max_output_tokens", out var max))
            {
                json.WritePropertyName("max_completion_tokens"u8);
                max.WriteTo(json);
            }

            WriteMessages(json, root);
            WriteTools(json, root);
            WriteFormat(json, root);
            json.WriteEndObject();
        }

        return output.WrittenSpan.ToArray();
    }

    private static bool IsNothing(JsonElement value) =>
        value.ValueKind is JsonValueKind.Null or JsonValueKind.False
        || (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0);

    private static void WriteMessages(Utf8JsonWriter json, JsonElement root)
    {
        json.WriteStartArray("messages"u8);
        if (AnswerAssembly.Text(root, "instructions") is { } instructions)
            WriteMessage(json, "system", instructions);
        var input = root.GetProperty("input");
        if (input.ValueKind == JsonValueKind.String)
            WriteMessage(json, "user", input.GetString()!);
        else
        {
            foreach (var item in input.EnumerateArray())
                WriteItem(json, item);
        }

        json.WriteEndArray();
    }

    private static void WriteItem(Utf8JsonWriter json, JsonElement item)
    {
        switch (AnswerAssembly.Text(item, "type") ?? "message")
        {
            case "message":
                json.WriteStartObject();
                json.WriteString("role"u8, item.GetProperty("role").GetString());
                WriteContent(json, item.GetProperty("content"));
                json.WriteEndObject();
                break;
            case "function_call":
                json.WriteStartObject();
                json.WriteString("role"u8, "assistant"u8);
                json.WriteString("content"u8, ""u8);
                json.WriteStartArray("tool_calls"u8);
                json.WriteStartObject();
                json.WriteString("id"u8, item.GetProperty("call_id").GetString());
                json.WriteString("type"u8, "function"u8);
                json.WriteStartObject("function"u8);
                json.WriteString("name"u8, item.GetProperty("name").GetString());
                json.WriteString("arguments"u8, item.GetProperty("arguments").GetString());
                json.WriteEndObject();
                json.WriteEndObject();
                json.WriteEndArray();
                json.WriteEndObject();
                break;
            case "function_call_output":
                json.WriteStartObject();
                json.WriteString("role"u8, "tool"u8);
                json.WriteString("tool_call_id"u8, item.GetProperty("call_id").GetString());
                json.WriteString("content"u8, item.GetProperty("output").GetString());
                json.WriteEndObject();
                break;
            case "reasoning":
                // What a model thought is not part of what it said; chat has no place for it.
                break;
            case var other:
                throw Unsupported("input", $"items of type '{other}' are not offered");
        }
    }

    private static void WriteContent(Utf8JsonWriter json, JsonElement content)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            json.WriteString("content"u8, content.GetString());
            return;
        }

        json.WriteStartArray("content"u8);
        foreach (var part in content.EnumerateArray())
        {
            json.WriteStartObject();
            switch (AnswerAssembly.Text(part, "type"))
            {
                case "input_text" or "output_text":
                    json.WriteString("type"u8, "text"u8);
                    json.WriteString("text"u8, part.GetProperty("text").GetString());
                    break;
                case "input_image":
                    json.WriteString("type"u8, "image_url"u8);
                    json.WriteStartObject("image_url"u8);
                    json.WriteString("url"u8, part.GetProperty("image_url").GetString());
                    json.WriteEndObject();
                    break;
                case var other:
                    throw Unsupported("input", $"content of type '{other}' is not offered");
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteTools(Utf8JsonWriter json, JsonElement root)
    {
        if (!root.TryGetProperty("tools", out var tools) || IsNothing(tools))
            return;

        json.WriteStartArray("tools"u8);
        foreach (var tool in tools.EnumerateArray())
        {
            if (AnswerAssembly.Text(tool, "type") != "function")
                throw Unsupported("tools", "only tools of type 'function' are offered");

            json.WriteStartObject();
            json.WriteString("type"u8, "function"u8);
            json.WriteStartObject("function"u8);
            foreach (var member in tool.EnumerateObject().Where(m => !m.NameEquals("type")))
                member.WriteTo(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (!root.TryGetProperty("tool_choice", out var choice))
            return;

        if (choice.ValueKind != JsonValueKind.Object)
        {
            json.WritePropertyName("tool_choice"u8);
            choice.WriteTo(json);
            return;
        }

        json.WriteStartObject("tool_choice"u8);
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteString("name"u8, choice.GetProperty("name").GetString());
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteFormat(Utf8JsonWriter json, JsonElement root)
    {
        if (!root.TryGetProperty("text", out var text) || text.ValueKind != JsonValueKind.Object
            || !text.TryGetProperty("format", out var format))
            return;

        var type = AnswerAssembly.Text(format, "type");
        if (type is "text")
            return;

        json.WriteStartObject("response_format"u8);
        json.WriteString("type"u8, type);
        if (type is "json_schema")
        {
            json.WriteStartObject("json_schema"u8);
            foreach (var member in format.EnumerateObject().Where(m => !m.NameEquals("type")))
                member.WriteTo(json);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteMessage(Utf8JsonWriter json, string role, string content)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, role);
        json.WriteString("content"u8, content);
        json.WriteEndObject();
    }

    private static RuntimeErrorException Unsupported(string where, string message) =>
        new(new RuntimeError(ReasonCodes.UnsupportedParameter, message, where));
}
