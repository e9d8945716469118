using System.Text.Json;

namespace AgentRuntime.Node.Transfer;

/// <summary>
/// <c>kv_transfer_params</c> of a request, as vLLM's NIXL connector and llm-d's sidecar exchange them. Immutable.
/// </summary>
internal sealed record KvTransferParams
{
    /// <summary>Prefill leg: keep the prompt's state for another engine.</summary>
    public bool RemoteDecode { get; init; }

    /// <summary>Decode leg: fetch the prompt's state from another engine.</summary>
    public bool RemotePrefill { get; init; }

    public string? EngineId { get; init; }

    /// <summary>The state's id. A prefill leg may wish for one, to let go by it what it never hears of.</summary>
    public string? RequestId { get; init; }

    public string? Host { get; init; }

    public int? Port { get; init; }

    public int? Tokens { get; init; }

    /// <summary>Whether a text has the form of this node's ids of exported state: 128 bits in hexadecimal.</summary>
    public static bool IsId(string text) => text.Length == 32 && text.All(char.IsAsciiHexDigit);

    /// <summary>Reads the object; null when it is absent or JSON null.</summary>
    /// <exception cref="FormatException">It has another form.</exception>
    public static KvTransferParams? Read(JsonElement body)
    {
        return body.TryGetProperty("kv_transfer_params", out var value) && value.ValueKind != JsonValueKind.Null
            ? Parse(value)
            : null;
    }

    /// <summary>Reads the object itself.</summary>
    /// <exception cref="FormatException">It has another form.</exception>
    public static KvTransferParams Parse(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) throw new FormatException("kv_transfer_params is not an object");
        var result = new KvTransferParams
        {
            RemoteDecode = Flag(value, "do_remote_decode"),
            RemotePrefill = Flag(value, "do_remote_prefill"),
            EngineId = Text(value, "remote_engine_id"),
            RequestId = Text(value, "remote_request_id"),
            Host = Text(value, "remote_host"),
            Port = Number(value, "remote_port"),
            Tokens = Number(value, "remote_num_tokens"),
        };
        return result.RemoteDecode && result.RemotePrefill
            ? throw new FormatException("kv_transfer_params asks for both legs at once")
            : result;
    }

    private static bool Flag(JsonElement value, string name) =>
        value.TryGetProperty(name, out var flag) && flag.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw new FormatException($"kv_transfer_params.{name} is not a boolean"),
        };

    private static string? Text(JsonElement value, string name) =>
        !value.TryGetProperty(name, out var text) || text.ValueKind == JsonValueKind.Null ? null
        : text.ValueKind == JsonValueKind.String && text.GetString() is { Length: <= 256 } s ? s
        : throw new FormatException($"kv_transfer_params.{name} is not a short string");

    private static int? Number(JsonElement value, string name) =>
        !value.TryGetProperty(name, out var number) || number.ValueKind == JsonValueKind.Null ? null
        : number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var n) && n >= 0 ? n
        : throw new FormatException($"kv_transfer_params.{name} is not a number that fits");
}
