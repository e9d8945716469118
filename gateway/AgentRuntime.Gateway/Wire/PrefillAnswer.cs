using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>What a prefill leg answered. Immutable.</summary>
/// <param name="KvTransfer">The <c>kv_transfer_params</c>, verbatim.</param>
/// <param name="Cached">Prompt tokens that were already in the prefill engine's cache.</param>
internal sealed record PrefillAnswer(ReadOnlyMemory<byte> KvTransfer, long Cached)
{
    private const int KvIdDigits = 32;

    /// <summary>
    /// The state's <c>remote_request_id</c>; null when it has none that is an id of the bundled node's.
    /// </summary>
    public string? KvId { get; private init; }

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

        return transfer is { } found ? new PrefillAnswer(found, cached) { KvId = IdIn(found.Span) } : null;
    }

    private static string? IdIn(ReadOnlySpan<byte> transfer)
    {
        var reader = new Utf8JsonReader(transfer, new JsonReaderOptions { MaxDepth = 64 });
        reader.Read();
        string? id = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isId = reader.ValueTextEquals("remote_request_id"u8);
            reader.Read();
            if (isId)
            {
                id = reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length == KvIdDigits
                    && reader.GetString() is { } text && text.All(char.IsAsciiHexDigit) ? text : null;
            }

            reader.Skip();
        }

        return id;
    }
}
