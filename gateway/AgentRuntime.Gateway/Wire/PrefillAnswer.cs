using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>What a prefill leg answered. Immutable.</summary>
/// <param name="KvTransfer">The <c>kv_transfer_params</c>, verbatim.</param>
/// <param name="Cached">Prompt tokens that were already in the prefill engine's cache.</param>
internal sealed record PrefillAnswer(ReadOnlyMemory<byte> KvTransfer, long Cached)
{
    /// <summary>
    /// Null when the answer has no <c>kv_transfer_params</c> object: the engine does not move KV state.
    /// </summary>
    /// <exception cref="JsonException">Not a JSON object.</exception>
    public static PrefillAnswer? Read(byte[] json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 64 });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("a prefill answer is not a JSON object");

        ReadOnlyMemory<byte>? transfer = null;
        var cached = 0L;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("usage"u8))
            {
                cached = ChunkReader.Usage(ref reader)?.Cached ?? 0;
                continue;
            }

            var isTransfer = reader.ValueTextEquals("kv_transfer_params"u8);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            var isObject = reader.TokenType == JsonTokenType.StartObject;
            reader.Skip();
            if (isTransfer && isObject)
                transfer = json.AsMemory(start, (int)reader.BytesConsumed - start);
        }

        return transfer is { } found ? new PrefillAnswer(found, cached) : null;
    }
}
