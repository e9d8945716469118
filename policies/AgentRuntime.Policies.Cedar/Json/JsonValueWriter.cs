using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Values as the entities' JSON, always with the escapes, so that no schema is needed to read them.</summary>
internal static class JsonValueWriter
{
    public static void Write(Utf8JsonWriter json, CedarValue value)
    {
        switch (value.Kind)
        {
            case CedarValueKind.Bool: json.WriteBooleanValue(value.AsBool()); break;
            case CedarValueKind.Long: json.WriteNumberValue(value.Bits); break;
            case CedarValueKind.String: json.WriteStringValue(value.AsString()); break;
            case CedarValueKind.Entity:
                json.WriteStartObject();
                json.WritePropertyName("__entity");
                WriteUid(json, value.AsEntity());
                json.WriteEndObject();
                break;
            case CedarValueKind.Set:
                json.WriteStartArray();
                foreach (var member in value.AsSet().Values) Write(json, member);
                json.WriteEndArray();
                break;
            case CedarValueKind.Record: WriteRecord(json, value.AsRecord()); break;
            case CedarValueKind.None: throw new ArgumentException("A value of no kind has no JSON.");
            case CedarValueKind.Datetime when !CedarDatetime.IsWritable(value.Bits):
                WriteFarDatetime(json, value); break;
            default: WriteExtension(json, value); break;
        }
    }

    public static void WriteRecord(Utf8JsonWriter json, CedarRecord record)
    {
        json.WriteStartObject();
        for (var i = 0; i < record.Count; i++)
        {
            json.WritePropertyName(record.Keys[i]);
            Write(json, record.Values[i]);
        }

        json.WriteEndObject();
    }

    public static void WriteUid(Utf8JsonWriter json, EntityUid uid)
    {
        json.WriteStartObject();
        json.WriteString("type", uid.Type);
        json.WriteString("id", uid.Id);
        json.WriteEndObject();
    }

    private static void WriteExtension(Utf8JsonWriter json, CedarValue value)
    {
        json.WriteStartObject();
        json.WriteStartObject("__extn");
        json.WriteString("fn", ValueText.ExtensionConstructor(value.Kind));
        json.WriteString("arg", ValueText.ExtensionArgument(value));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteFarDatetime(Utf8JsonWriter json, CedarValue value)
    {
        json.WriteStartObject();
        json.WriteStartObject("__extn");
        json.WriteString("fn", "offset");
        json.WriteStartArray("args");
        WriteExtension(json, CedarValue.DatetimeFromMilliseconds(0));
        WriteExtension(json, CedarValue.DurationFromMilliseconds(value.Bits));
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
