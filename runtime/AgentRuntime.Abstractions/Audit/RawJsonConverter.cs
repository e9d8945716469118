using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// Writes JSON as it was given, character for character. The usual converter takes texts apart and writes them anew,
/// and fails at an escape that stands for no text, such as <c>"\ud800"</c>: whoever chooses what is recorded could
/// choose that nothing is. Stateless.
/// </summary>
internal sealed class RawJsonConverter : JsonConverter<JsonElement?>
{
    public override JsonElement? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? null : JsonElement.ParseValue(ref reader);

    public override void Write(Utf8JsonWriter writer, JsonElement? value, JsonSerializerOptions options)
    {
        // Read before, so it is JSON; looking at it once more would only cost.
        if (value is { } element)
            writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(element), skipInputValidation: true);
        else
            writer.WriteNullValue();
    }
}
