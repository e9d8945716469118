using System.Buffers;
using System.Text;
using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

public sealed partial class CedarEntities
{
    private static readonly string[] Fields = ["uid", "attrs", "parents", "tags"];

    /// <summary>Reads the JSON form: an array of <c>uid</c>, <c>attrs</c>, <c>parents</c>, <c>tags</c>.</summary>
    /// <param name="utf8">The document.</param>
    /// <param name="schema">Lets <c>__entity</c> and <c>__extn</c> be left out, and adds the schema's actions.</param>
    /// <param name="limits">Bounds; the defaults when null.</param>
    /// <exception cref="CedarException">The document is refused.</exception>
    public static CedarEntities ParseJson(
        ReadOnlyMemory<byte> utf8, CedarSchema? schema = null, CedarLimits? limits = null)
    {
        limits = (limits ?? CedarLimits.Default).Validated();
        var entities = JsonReading.Read(() =>
        {
            using var document = JsonReading.Parse(utf8, limits);
            var list = new List<CedarEntity>();
            foreach (var element in JsonReading.Array(document.RootElement, "the document"))
                list.Add(ReadEntity(element, schema));
            return list;
        });
        if (schema is not null)
        {
            var known = entities.Select(e => e.Uid).ToHashSet();
            entities.AddRange(schema.ActionEntities.All.Where(a => !known.Contains(a.Uid)));
        }

        return Create(entities, limits);
    }

    /// <inheritdoc cref="ParseJson(ReadOnlyMemory{byte}, CedarSchema?, CedarLimits?)"/>
    public static CedarEntities ParseJson(string json, CedarSchema? schema = null, CedarLimits? limits = null) =>
        ParseJson(Encoding.UTF8.GetBytes(json), schema, limits);

    /// <summary>The store in Cedar's JSON; no schema is needed to read it back.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonWriting.Options))
        {
            json.WriteStartArray();
            foreach (var entity in All) WriteEntity(json, entity);
            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteEntity(Utf8JsonWriter json, CedarEntity entity)
    {
        json.WriteStartObject();
        json.WritePropertyName("uid");
        JsonValueWriter.WriteUid(json, entity.Uid);
        json.WritePropertyName("attrs");
        JsonValueWriter.WriteRecord(json, entity.Attributes);
        json.WriteStartArray("parents");
        foreach (var parent in entity.Parents) JsonValueWriter.WriteUid(json, parent);
        json.WriteEndArray();
        if (entity.Tags.Count > 0)
        {
            json.WritePropertyName("tags");
            JsonValueWriter.WriteRecord(json, entity.Tags);
        }

        json.WriteEndObject();
    }

    private static CedarEntity ReadEntity(JsonElement element, CedarSchema? schema)
    {
        const string what = "an entity";
        JsonReading.OnlyKnown(element, what, Fields);
        var uid = JsonValues.ReadUid(JsonReading.Property(element, "uid", what), "`uid`");
        EntityTypeInfo? type = null;
        schema?.EntityTypeInfos.TryGetValue(uid.Type, out type);
        var attributes = JsonReading.Optional(element, "attrs", what) is { } attrs
            ? JsonValues.ReadRecord(attrs, type?.Attributes, $"`attrs` of {uid}")
            : CedarRecord.Empty;
        var tags = CedarRecord.Empty;
        if (JsonReading.Optional(element, "tags", what) is { } written) tags = ReadTags(written, type?.Tags, uid);
        var parents = new List<EntityUid>();
        if (JsonReading.Optional(element, "parents", what) is { } above)
        {
            foreach (var parent in JsonReading.Array(above, $"`parents` of {uid}"))
                parents.Add(JsonValues.ReadUid(parent, $"a parent of {uid}"));
        }

        return new(uid, attributes, parents, tags);
    }

    private static CedarRecord ReadTags(JsonElement element, CedarType? type, EntityUid uid)
    {
        var keys = new List<string>();
        var values = new List<CedarValue>();
        foreach (var property in JsonReading.Object(element, $"`tags` of {uid}"))
        {
            keys.Add(property.Name);
            values.Add(JsonValues.Read(property.Value, type));
        }

        return CedarRecord.CreateOwned([.. keys], [.. values]);
    }
}
