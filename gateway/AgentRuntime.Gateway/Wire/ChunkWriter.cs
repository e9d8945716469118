using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>Writes chunks in OpenAI's streaming form. Stateless.</summary>
internal static class ChunkWriter
{
    /// <summary>The chunk at the end of a stream: no choice, and the usage.</summary>
    public static ReadOnlyMemory<byte> Usage(
        InferenceOperation operation, string id, string model, long created, InferenceUsage usage)
    {
        var output = new ArrayBufferWriter<byte>(320);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("id"u8, id);
            json.WriteString(
                "object"u8,
                operation == InferenceOperation.Chat ? "chat.completion.chunk"u8 : "text_completion"u8);
            json.WriteNumber("created"u8, created);
            json.WriteString("model"u8, model);
            json.WriteStartArray("choices"u8);
            json.WriteEndArray();
            json.WritePropertyName("usage"u8);
            WriteUsage(json, usage);
            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }

    public static void WriteUsage(Utf8JsonWriter json, InferenceUsage usage)
    {
        json.WriteStartObject();
        json.WriteNumber("prompt_tokens"u8, usage.Prompt.Value);
        json.WriteNumber("completion_tokens"u8, usage.Output.Value);
        json.WriteNumber("total_tokens"u8, usage.Prompt.Value + usage.Output.Value);
        json.WriteStartObject("prompt_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, usage.CachedPrompt.Value);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>A chunk of a text completion as one of a chat.</summary>
    public static ReadOnlyMemory<byte> ToChat(ReadOnlyMemory<byte> chunk)
    {
        using var document = JsonDocument.Parse(chunk);
        var output = new ArrayBufferWriter<byte>(chunk.Length + 64);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.NameEquals("object"u8))
                    json.WriteString("object"u8, "chat.completion.chunk"u8);
                else if (member.NameEquals("choices"u8) && member.Value.ValueKind == JsonValueKind.Array)
                    WriteChatChoices(json, member.Value);
                else
                    member.WriteTo(json);
            }

            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }

    private static void WriteChatChoices(Utf8JsonWriter json, JsonElement choices)
    {
        json.WriteStartArray("choices"u8);
        foreach (var choice in choices.EnumerateArray())
        {
            json.WriteStartObject();
            json.WriteNumber("index"u8, 0);
            json.WriteStartObject("delta"u8);
            if (choice.TryGetProperty("text", out var text))
            {
                json.WritePropertyName("content"u8);
                text.WriteTo(json);
            }

            json.WriteEndObject();
            json.WriteNull("logprobs"u8);
            json.WritePropertyName("finish_reason"u8);
            if (choice.TryGetProperty("finish_reason", out var reason))
                reason.WriteTo(json);
            else
                json.WriteNullValue();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>A chunk under the stream's id and the client's name of the model, without a usage of its own.</summary>
    public static ReadOnlyMemory<byte> Rename(ReadOnlyMemory<byte> chunk, string id, string model)
    {
        var output = new ArrayBufferWriter<byte>(chunk.Length + 64);
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteString("id"u8, id);
            json.WriteString("model"u8, model);
            var reader = new Utf8JsonReader(chunk.Span, new JsonReaderOptions { MaxDepth = 64 });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                if (name is "id" or "model" or "usage")
                    continue;

                json.WritePropertyName(name);
                json.WriteRawValue(chunk.Span[start..(int)reader.BytesConsumed], skipInputValidation: true);
            }

            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }
}
