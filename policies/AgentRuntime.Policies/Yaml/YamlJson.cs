using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace AgentRuntime.Policies.Yaml;

/// <summary>Turns YAML into JSON by the core schema of YAML 1.2: what is quoted is text. Stateless.</summary>
internal static partial class YamlJson
{
    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    /// <summary>The node as JSON; nothing at all is <c>{}</c>.</summary>
    public static JsonElement Convert(YamlNode? node)
    {
        if (node is null)
            return Nothing;
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            Write(writer, node);

        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    private static void Write(Utf8JsonWriter writer, YamlNode node)
    {
        switch (node)
        {
            case YamlMapping mapping:
                writer.WriteStartObject();
                foreach (var entry in mapping.Entries)
                {
                    writer.WritePropertyName(entry.Key.Text);
                    Write(writer, entry.Value);
                }

                writer.WriteEndObject();
                break;
            case YamlSequence sequence:
                writer.WriteStartArray();
                foreach (var item in sequence.Items)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case YamlScalar scalar:
                WriteScalar(writer, scalar);
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, YamlScalar scalar)
    {
        if (scalar.IsNull)
            writer.WriteNullValue();
        else if (scalar is { Plain: true, Text: "true" or "false" })
            writer.WriteBooleanValue(scalar.Text == "true");
        else if (scalar.Plain && Quantities.TryInteger(scalar.Text, out var integer))
            writer.WriteNumberValue(integer);
        else if (scalar.Plain && Number().IsMatch(scalar.Text))
            writer.WriteRawValue(scalar.Text);
        else
            writer.WriteStringValue(scalar.Text);
    }

    // What is a number to JSON is written as it stands, so that a test sees the digits that its author wrote, and what
    // the platform would see of them.
    [GeneratedRegex(
        @"\A-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\z",
        RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Number();
}
