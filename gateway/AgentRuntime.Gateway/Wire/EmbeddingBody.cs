using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>
/// Bodies of <c>/v1/embeddings</c>: what goes to an engine, and what comes back in the form that the client asked for,
/// whatever the engine can write. Stateless.
/// </summary>
internal static class EmbeddingBody
{
    private static readonly string[] Passed = ["input", "encoding_format", "dimensions", "user"];

    /// <summary>The engine's request, and whether the client wants base64 (little-endian 32-bit floats).</summary>
    public static (ReadOnlyMemory<byte> Body, bool Base64) Write(ReadOnlyMemory<byte> client, string model)
    {
        using var document = JsonDocument.Parse(client);
        var output = new ArrayBufferWriter<byte>(client.Length + 64);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("model"u8, model);
            foreach (var name in Passed)
            {
                if (!document.RootElement.TryGetProperty(name, out var value))
                    continue;
                json.WritePropertyName(name);
                value.WriteTo(json);
            }

            json.WriteEndObject();
        }

        return (output.WrittenMemory, AnswerAssembly.Text(document.RootElement, "encoding_format") == "base64");
    }

    /// <summary>
    /// OpenAI's list under the client's name of the model, and the prompt tokens; null when not said.
    /// </summary>
    /// <exception cref="JsonException">The answer has another form.</exception>
    public static (ReadOnlyMemory<byte> Body, long? PromptTokens) Rewrite(byte[] answer, string model, bool base64)
    {
        using var document = JsonDocument.Parse(answer);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("data", out var data)
            || data.ValueKind != JsonValueKind.Array)
            throw new JsonException("an answer without 'data'");

        long? tokens = root.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object
            && usage.TryGetProperty("prompt_tokens", out var prompt) && prompt.TryGetInt64(out var count)
            ? Math.Max(0, count)
            : null;
        var output = new ArrayBufferWriter<byte>(answer.Length + 256);
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteString("object"u8, "list"u8);
            json.WriteStartArray("data"u8);
            var index = 0;
            foreach (var item in data.EnumerateArray())
                WriteItem(json, item, index++, base64);
            json.WriteEndArray();
            json.WriteString("model"u8, model);
            json.WriteStartObject("usage"u8);
            json.WriteNumber("prompt_tokens"u8, tokens ?? 0);
            json.WriteNumber("total_tokens"u8, tokens ?? 0);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return (output.WrittenMemory, tokens);
    }

    private static void WriteItem(Utf8JsonWriter json, JsonElement item, int index, bool base64)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("embedding", out var embedding))
            throw new JsonException("an embedding is missing");
        json.WriteStartObject();
        json.WriteString("object"u8, "embedding"u8);
        json.WriteNumber("index"u8, item.TryGetProperty("index", out var at) && at.TryGetInt32(out var n) ? n : index);
        json.WritePropertyName("embedding"u8);
        switch (embedding.ValueKind)
        {
            case JsonValueKind.Array when base64:
                json.WriteBase64StringValue(Pack(embedding));
                break;
            case JsonValueKind.String when !base64:
                Unpack(json, embedding);
                break;
            case JsonValueKind.Array or JsonValueKind.String:
                embedding.WriteTo(json);
                break;
            default:
                throw new JsonException("an embedding is neither numbers nor base64");
        }

        json.WriteEndObject();
    }

    private static byte[] Pack(JsonElement embedding)
    {
        var bytes = new byte[embedding.GetArrayLength() * sizeof(float)];
        var at = 0;
        foreach (var value in embedding.EnumerateArray())
        {
            if (value.ValueKind != JsonValueKind.Number)
                throw new JsonException("an embedding holds something else than numbers");
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at), value.GetSingle());
            at += sizeof(float);
        }

        return bytes;
    }

    private static void Unpack(Utf8JsonWriter json, JsonElement embedding)
    {
        if (!embedding.TryGetBytesFromBase64(out var bytes) || bytes.Length % sizeof(float) != 0)
            throw new JsonException("an embedding is not base64 of 32-bit floats");
        json.WriteStartArray();
        foreach (var bits in MemoryMarshal.Cast<byte, int>(bytes))
        {
            var value = BitConverter.Int32BitsToSingle(
                BitConverter.IsLittleEndian ? bits : BinaryPrimitives.ReverseEndianness(bits));
            if (!float.IsFinite(value))
                throw new JsonException("an embedding holds what is no number");
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }
}
