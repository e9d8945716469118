using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>Members of a tokenizer file's objects, with the defaults that the file format has. Stateless.</summary>
internal static class Json
{
    public static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static bool Flag(JsonElement json, string name, bool otherwise = false) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value)
        && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : otherwise;

    /// <summary>A member that is there and not null.</summary>
    public static JsonElement? Child(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null ? value : null;
}
