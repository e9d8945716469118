using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Makes one JSON schema of two that both hold, as far as grammars enforce them. What one of them only narrows further
/// by keywords that no grammar enforces is not kept twice. Stateless.
/// </summary>
internal static class SchemaMerge
{
    /// <summary>A body's JSON has 64 levels at most; each merging adds two. What comes to more is refused.</summary>
    private const int MostDepth = 512;

    /// <summary>Entries of lists that are merged: each of one is looked for in the other.</summary>
    private const int MostItems = 300;

    private static readonly string[] Enforced =
    [
        "$ref", "allOf", "anyOf", "oneOf", "const", "enum", "type", "properties", "required", "additionalProperties",
        "patternProperties", "items", "prefixItems", "additionalItems", "minItems", "maxItems", "minLength",
        "maxLength", "minimum", "exclusiveMinimum",
    ];

    /// <summary>A schema without some keywords; null when nothing is left in it that grammars enforce.</summary>
    public static JsonElement? Without(JsonElement schema, params ReadOnlySpan<string> keywords)
    {
        var rest = Keywords(schema);
        foreach (var keyword in keywords) rest.Remove(keyword);
        return rest.Count == 0 ? null : Of(rest);
    }

    /// <summary>A schema of both.</summary>
    /// <exception cref="RuntimeErrorException">AR1010: nothing satisfies both, or no grammar says it.</exception>
    public static JsonElement Both(JsonElement left, JsonElement right)
    {
        if (left.ValueKind == JsonValueKind.False || right.ValueKind == JsonValueKind.True) return left;
        if (right.ValueKind == JsonValueKind.False || left.ValueKind == JsonValueKind.True) return right;
        var (a, b) = (Keywords(left), Keywords(right));
        DropForbidden(a, b);
        DropForbidden(b, a);
        List<JsonElement> more = [];
        foreach (var (name, value) in b)
        {
            if (!a.TryGetValue(name, out var known)) a.Add(name, value);
            else if (JsonElement.DeepEquals(known, value)) continue;
            else if (name == "properties") a[name] = Properties(known, value);
            else if (name is "additionalProperties" or "items" && value.ValueKind != JsonValueKind.Array
                && known.ValueKind != JsonValueKind.Array) a[name] = AllOf(known, value);
            else if (name == "required") a[name] = List([.. Items(known), .. Items(value)]);
            else if (name == "type") a[name] = Types(known, value);
            else if (name == "enum") a[name] = Values(known, value);
            else if (name is "minItems" or "minLength" or "minimum" or "exclusiveMinimum")
                a[name] = Number(known) >= Number(value) ? known : value;
            else if (name is "maxItems" or "maxLength")
                a[name] = Number(known) <= Number(value) ? known : value;
            else if (name is "$ref" or "anyOf" or "oneOf" or "allOf")
                more.Add(Of(new() { [name] = value }));
            else throw JsonSchemaGrammar.Unsupported($"{name} of two schemas that both hold");
        }

        if (more.Count > 0)
            a["allOf"] = List([.. a.TryGetValue("allOf", out var all) ? Items(all) : [], .. more]);
        return Of(a);
    }

    /// <summary>Takes out of one schema's properties those that the other does not allow besides its own.</summary>
    private static void DropForbidden(Dictionary<string, JsonElement> schema, Dictionary<string, JsonElement> other)
    {
        if (!schema.TryGetValue("properties", out var properties) || properties.ValueKind != JsonValueKind.Object
            || !other.TryGetValue("additionalProperties", out var rest)
            || rest.ValueKind == JsonValueKind.True) return;
        other.TryGetValue("properties", out var own);
        schema["properties"] = Json(json =>
        {
            json.WriteStartObject();
            foreach (var property in properties.EnumerateObject())
            {
                var isOwn = own.ValueKind == JsonValueKind.Object && own.TryGetProperty(property.Name, out _);
                json.WritePropertyName(property.Name);
                (isOwn ? property.Value : AllOf(property.Value, rest)).WriteTo(json);
            }

            json.WriteEndObject();
        });
    }

    private static JsonElement Properties(JsonElement left, JsonElement right) => Json(json =>
    {
        json.WriteStartObject();
        foreach (var property in left.EnumerateObject())
        {
            json.WritePropertyName(property.Name);
            (right.TryGetProperty(property.Name, out var other) ? AllOf(property.Value, other) : property.Value)
                .WriteTo(json);
        }

        foreach (var property in right.EnumerateObject())
            if (!left.TryGetProperty(property.Name, out _))
                property.WriteTo(json);
        json.WriteEndObject();
    });

    private static JsonElement AllOf(JsonElement left, JsonElement right) =>
        left.ValueKind == JsonValueKind.False || right.ValueKind == JsonValueKind.True ? left
        : right.ValueKind == JsonValueKind.False || left.ValueKind == JsonValueKind.True ? right
        : Of(new() { ["allOf"] = List([left, right]) });

    /// <summary>The types of both; an integer is a number too.</summary>
    private static JsonElement Types(JsonElement left, JsonElement right)
    {
        var (a, b) = (Items(left), Items(right));
        return List([.. a.Where(type => Fits(type, b)), .. b.Where(type => Fits(type, a) && !Has(a, type))]);

        static bool Fits(JsonElement type, JsonElement[] types) =>
            Has(types, type) || (Is(type, "integer") && types.Any(t => Is(t, "number")));
        static bool Is(JsonElement type, string name) =>
            type.ValueKind == JsonValueKind.String && type.ValueEquals(name);
    }

    private static JsonElement Values(JsonElement left, JsonElement right)
    {
        var others = Items(right);
        return List(Items(left).Where(value => Has(others, value)));
    }

    private static bool Has(JsonElement[] list, JsonElement item) => list.Any(x => JsonElement.DeepEquals(x, item));

    private static JsonElement[] Items(JsonElement list) =>
        list.ValueKind != JsonValueKind.Array ? [list]
        : list.GetArrayLength() <= MostItems ? [.. list.EnumerateArray()]
        : throw JsonSchemaGrammar.Unsupported($"lists of more than {MostItems} entries in schemas that all hold");

    private static double Number(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;

    /// <summary>What grammars enforce of a schema, a constant as the only one of a list.</summary>
    private static Dictionary<string, JsonElement> Keywords(JsonElement schema)
    {
        var keywords = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (schema.ValueKind != JsonValueKind.Object) throw JsonSchemaGrammar.NoSchema();
        foreach (var keyword in schema.EnumerateObject())
            if (Enforced.Contains(keyword.Name)
                && (keyword.Value.ValueKind != JsonValueKind.Null || keyword.NameEquals("const")))
                keywords[keyword.Name] = keyword.Value;
        if (keywords.Remove("const", out var constant))
        {
            keywords["enum"] = keywords.TryGetValue("enum", out var values)
                ? Values(List([constant]), values) : List([constant]);
        }

        return keywords;
    }

    private static JsonElement List(IEnumerable<JsonElement> items) => Json(json =>
    {
        json.WriteStartArray();
        foreach (var item in items) item.WriteTo(json);
        json.WriteEndArray();
    });

    private static JsonElement Of(Dictionary<string, JsonElement> keywords) => Json(json =>
    {
        json.WriteStartObject();
        foreach (var (name, value) in keywords)
        {
            json.WritePropertyName(name);
            value.WriteTo(json);
        }

        json.WriteEndObject();
    });

    private static JsonElement Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) write(json);
        var reader = new Utf8JsonReader(buffer.WrittenSpan, new JsonReaderOptions { MaxDepth = MostDepth });
        return JsonElement.ParseValue(ref reader);
    }
}
