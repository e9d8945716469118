using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>
/// What a response repeats of its request, as OpenAI's API does: clients that keep responses read the terms there.
/// What was not given, or is not of its type, is what OpenAI's types allow in its place. Immutable.
/// </summary>
internal sealed class ResponseEcho
{
    private readonly JsonElement _request;

    private ResponseEcho(JsonElement request) => _request = request;

    /// <param name="body">A body that <see cref="ResponsesRequest"/> has read.</param>
    /// <param name="maxDepth">How deep it may be.</param>
    public static ResponseEcho Of(byte[] body, int maxDepth)
    {
        using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = maxDepth });
        return new(document.RootElement.Clone());
    }

    public void Write(Utf8JsonWriter json)
    {
        Value(json, "instructions", JsonValueKind.String);
        Metadata(json);
        json.WriteBoolean("parallel_tool_calls"u8, Find("parallel_tool_calls", JsonValueKind.False) is null);
        Value(json, "temperature", JsonValueKind.Number);
        Value(json, "top_p", JsonValueKind.Number);
        json.WritePropertyName("tool_choice"u8);
        if ((Find("tool_choice", JsonValueKind.String) ?? Find("tool_choice", JsonValueKind.Object)) is { } choice)
            choice.WriteTo(json);
        else
            json.WriteStringValue("auto"u8);
        Tools(json);
    }

    private void Metadata(Utf8JsonWriter json)
    {
        json.WriteStartObject("metadata"u8);
        if (Find("metadata", JsonValueKind.Object) is { } metadata)
        {
            foreach (var member in metadata.EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.String))
                member.WriteTo(json);
        }

        json.WriteEndObject();
    }

    private void Tools(Utf8JsonWriter json)
    {
        json.WriteStartArray("tools"u8);
        if (Find("tools", JsonValueKind.Array) is { } tools)
        {
            foreach (var tool in tools.EnumerateArray())
            {
                json.WriteStartObject();
                foreach (var member in tool.EnumerateObject())
                    member.WriteTo(json);
                foreach (var name in (string[])["parameters", "strict"])
                {
                    if (!tool.TryGetProperty(name, out _))
                        json.WriteNull(name);
                }

                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }

    private void Value(Utf8JsonWriter json, string name, JsonValueKind kind)
    {
        json.WritePropertyName(name);
        if (Find(name, kind) is { } value)
            value.WriteTo(json);
        else
            json.WriteNullValue();
    }

    private JsonElement? Find(string name, JsonValueKind kind) =>
        _request.TryGetProperty(name, out var value) && value.ValueKind == kind ? value : null;
}
