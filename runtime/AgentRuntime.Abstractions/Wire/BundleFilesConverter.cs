using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// A bundle's files by path. Nullable annotations say nothing of what a dictionary holds, so that a file of
/// <c>null</c> has to be refused here, and one that is there twice too: the options forbid that for objects that they
/// read themselves. Stateless.
/// </summary>
internal sealed class BundleFilesConverter : JsonConverter<IReadOnlyDictionary<string, string>>
{
    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("the files are no object");
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var path = reader.GetString()!;
            if (!reader.Read() || reader.TokenType != JsonTokenType.String)
                throw new JsonException("a file is no text");
            if (!files.TryAdd(path, reader.GetString()!))
                throw new JsonException("a file is there twice");
        }

        return files;
    }

    /// <inheritdoc/>
    public override void Write(
        Utf8JsonWriter writer, IReadOnlyDictionary<string, string> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (path, text) in value)
            writer.WriteString(path, text);
        writer.WriteEndObject();
    }
}
