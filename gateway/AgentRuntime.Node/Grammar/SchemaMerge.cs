using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Makes one JSON schema of two that both hold, as far as grammars enforce them. What one of them only narrows further
/// by keywords that no grammar enforces is not kept twice. One for the schemas of a request.
/// </summary>
internal sealed partial class SchemaMerge
{
    /// <summary>A body's JSON has 64 levels at most; each merging adds two. What comes to more is refused.</summary>
    private const int MostDepth = 512;

    /// <summary>Entries of lists that are merged: each of one is looked for in the other.</summary>
    private const int MostItems = 300;

    /// <summary>Bytes of all that is made, since each merging writes both schemas anew.</summary>
    private const int MostBytes = 32 << 20;

    private static readonly string[] Enforced =
    [
        "$ref", "allOf", "anyOf", "oneOf", "const", "enum", "type", "properties", "required", "additionalProperties",
        "patternProperties", "items", "prefixItems", "additionalItems", "minItems", "maxItems", "contains",
        "minContains", "maxContains", "minLength", "maxLength", "minimum", "exclusiveMinimum", "maximum",
        "exclusiveMaximum", "pattern", "format", "not", "multipleOf", "minProperties", "maxProperties",
        "propertyNames", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "uniqueItems",
        "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", SchemaMarks.Spoken,
        SchemaMarks.Some,
    ];

    /// <summary>Keywords of which each schema keeps its own, beside those of the other.</summary>
    private static readonly string[] Groups =
    [
        "$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "dependentRequired", "dependentSchemas",
        "dependencies",
    ];

    private static readonly string[] OfNames =
        ["properties", "patternProperties", "dependentRequired", "dependentSchemas", "dependencies"];

    private static readonly string[] OfLists = ["allOf", "anyOf", "oneOf", "enum", "required", "prefixItems"];

    /// <summary>Patterns of names in all schemas.</summary>
    public const int MostPatterns = 64;

    private static readonly JsonElement Any = JsonElement.Parse("true");

    private readonly Dictionary<string, NamePattern?> _patterns = new(StringComparer.Ordinal);
    private long _bytes;

    /// <summary>Whether a schema has nothing that grammars enforce.</summary>
    public static bool IsFree(JsonElement schema) => schema.ValueKind == JsonValueKind.True
        || (schema.ValueKind == JsonValueKind.Object && !schema.EnumerateObject().Any(k => Enforced.Contains(k.Name)));

    /// <summary>Whether a keyword has an object of schemas, or lists, with names.</summary>
    public static bool IsOfNames(string keyword) => OfNames.Contains(keyword) || keyword is "$defs" or "definitions";

    /// <summary>Whether grammars enforce a keyword.</summary>
    public static bool IsEnforced(string keyword) => Enforced.Contains(keyword);

    /// <summary>Whether a name is of a pattern; null when <see cref="NamePattern"/> does not read that.</summary>
    public bool? Matches(string pattern, string name)
    {
        if (!_patterns.TryGetValue(pattern, out var read))
        {
            if (_patterns.Count == MostPatterns) throw TooManyPatterns();
            _patterns.Add(pattern, read = NamePattern.Read(pattern));
        }

        return read?.Matches(name);
    }

    /// <summary>As <see cref="Matches"/>.</summary>
    /// <exception cref="RuntimeErrorException">AR1010: it cannot be said.</exception>
    public bool MustMatch(string pattern, string name) => Matches(pattern, name)
        ?? throw JsonSchemaGrammar.Unsupported($"the pattern '{pattern}' beside properties with names");

    /// <summary>A schema without some keywords; null when nothing is left in it that grammars enforce.</summary>
    public JsonElement? Without(JsonElement schema, params ReadOnlySpan<string> keywords)
    {
        var rest = Keywords(schema);
        foreach (var keyword in keywords) rest.Remove(keyword);
        return rest.Count == 0 ? null : Of(rest);
    }

    /// <summary>A schema of both.</summary>
    /// <exception cref="RuntimeErrorException">AR1010: nothing satisfies both, or no grammar says it.</exception>
    public JsonElement Both(JsonElement left, JsonElement right)
    {
        if (left.ValueKind == JsonValueKind.False || right.ValueKind == JsonValueKind.True) return left;
        if (right.ValueKind == JsonValueKind.False || left.ValueKind == JsonValueKind.True) return right;
        var (a, b) = (Keywords(left), Keywords(right));
        DropForbidden(a, b);
        DropForbidden(b, a);
        Align(a, b);
        List<JsonElement> more = [];
        if (a.ContainsKey("if") && b.TryGetValue("if", out var condition))
        {
            var other = new Dictionary<string, JsonElement> { ["if"] = condition };
            foreach (var name in (string[])["then", "else"])
                if (b.Remove(name, out var branch))
                    other[name] = branch;
            b.Remove("if");
            more.Add(Of(other));
        }

        foreach (var (name, value) in b)
        {
            if (!a.TryGetValue(name, out var known)) a.Add(name, value);
            else if (JsonElement.DeepEquals(known, value)) continue;
            else if (name is "properties" or "patternProperties") a[name] = Properties(known, value);
            else if (name is "additionalProperties" or "propertyNames" or "items") a[name] = AllOf(known, value);
            else if (name == "uniqueItems") a[name] = value.ValueKind == JsonValueKind.True ? value : known;
            else if (name == "required") a[name] = List([.. Items(known), .. Items(value)]);
            else if (name == "type") a[name] = Types(known, value);
            else if (name == "enum") a[name] = Values(known, value);
            else if (name is "minItems" or "minLength" or "minProperties" or "minimum" or "exclusiveMinimum")
                a[name] = Number(known) >= Number(value) ? known : value;
            else if (name is "maxItems" or "maxLength" or "maxProperties" or "maximum" or "exclusiveMaximum")
                a[name] = Number(known) <= Number(value) ? known : value;
            else if (Groups.Contains(name)) more.Add(Of(new() { [name] = value }));
            else if (name == "not") a[name] = Of(new() { ["anyOf"] = List([known, value]) });
            else if (name is "pattern" or "format" or "multipleOf" or "contains" || name == SchemaMarks.Some)
                a[name] = List([.. Items(known), .. Items(value)]);
            else throw JsonSchemaGrammar.Unsupported($"{name} of two schemas that both hold");
        }

        if (more.Count > 0)
            a["allOf"] = List([.. a.TryGetValue("allOf", out var all) ? Items(all) : [], .. more]);
        return Of(a);
    }

    /// <summary>
    /// Binds one schema's properties, where the other does not know them, to what that allows besides its own.
    /// </summary>
    private void DropForbidden(Dictionary<string, JsonElement> schema, Dictionary<string, JsonElement> other)
    {
        if (!other.TryGetValue("additionalProperties", out var rest) || IsFree(rest)) return;
        var (own, patterns) = (Named(other, "properties"), Named(other, "patternProperties"));
        Bind("properties", name => own.ContainsKey(name) || patterns.Keys.Any(p => MustMatch(p, name)));
        // One of them that some name has which is known by itself could be bound less.
        Bind("patternProperties", patterns.ContainsKey);

        void Bind(string keyword, Func<string, bool> isKnown)
        {
            if (!schema.TryGetValue(keyword, out var all) || all.ValueKind != JsonValueKind.Object) return;
            schema[keyword] = Json(json =>
            {
                json.WriteStartObject();
                foreach (var property in all.EnumerateObject())
                {
                    json.WritePropertyName(property.Name);
                    (isKnown(property.Name) ? property.Value : AllOf(property.Value, rest)).WriteTo(json);
                }

                json.WriteEndObject();
            });
        }
    }

    private JsonElement Properties(JsonElement left, JsonElement right) => Json(json =>
    {
        var (ours, theirs) = (Named(left), Named(right));
        json.WriteStartObject();
        foreach (var (name, schema) in ours)
        {
            json.WritePropertyName(name);
            (theirs.TryGetValue(name, out var other) ? AllOf(schema, other) : schema).WriteTo(json);
        }

        foreach (var (name, schema) in theirs)
        {
            if (ours.ContainsKey(name)) continue;
            json.WritePropertyName(name);
            schema.WriteTo(json);
        }

        json.WriteEndObject();
    });

    private static Dictionary<string, JsonElement> Named(Dictionary<string, JsonElement> schema, string keyword) =>
        schema.TryGetValue(keyword, out var named) && named.ValueKind == JsonValueKind.Object ? Named(named) : [];

    /// <summary>What an object has under its names; of one that is there twice the last.</summary>
    public static Dictionary<string, JsonElement> Named(JsonElement json)
    {
        var named = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var property in json.EnumerateObject()) named[property.Name] = property.Value;
        return named;
    }

    /// <summary>A schema of values that are of all of them.</summary>
    public JsonElement AllOf(IEnumerable<JsonElement> all) => Of(new() { ["allOf"] = List(all) });

    /// <summary>A schema of values that are of one of them.</summary>
    public JsonElement AnyOf(IEnumerable<JsonElement> any) => Of(new() { ["anyOf"] = List(any) });

    private JsonElement AllOf(JsonElement left, JsonElement right) =>
        left.ValueKind == JsonValueKind.False || right.ValueKind == JsonValueKind.True ? left
        : right.ValueKind == JsonValueKind.False || left.ValueKind == JsonValueKind.True ? right
        : Of(new() { ["allOf"] = List([left, right]) });

    /// <summary>The types of both; an integer is a number too.</summary>
    private JsonElement Types(JsonElement left, JsonElement right)
    {
        var (a, b) = (Items(left), Items(right));
        return List([.. a.Where(type => Fits(type, b)), .. b.Where(type => Fits(type, a) && !Has(a, type))]);

        static bool Fits(JsonElement type, JsonElement[] types) =>
            Has(types, type) || (Is(type, "integer") && types.Any(t => Is(t, "number")));
        static bool Is(JsonElement type, string name) =>
            type.ValueKind == JsonValueKind.String && type.ValueEquals(name);
    }

    private JsonElement Values(JsonElement left, JsonElement right)
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
    private Dictionary<string, JsonElement> Keywords(JsonElement schema)
    {
        var keywords = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (schema.ValueKind != JsonValueKind.Object) throw JsonSchemaGrammar.NoSchema();
        foreach (var keyword in schema.EnumerateObject())
        {
            if (!Enforced.Contains(keyword.Name)
                || (keyword.Value.ValueKind == JsonValueKind.Null && !keyword.NameEquals("const"))) continue;
            if ((OfNames.Contains(keyword.Name) && keyword.Value.ValueKind != JsonValueKind.Object)
                || (OfLists.Contains(keyword.Name) && keyword.Value.ValueKind != JsonValueKind.Array))
                throw JsonSchemaGrammar.NoSchema(keyword.Name);
            keywords[keyword.Name] = keyword.Value;
        }

        if (!keywords.ContainsKey("if"))
        {
            keywords.Remove("then");
            keywords.Remove("else");
        }

        Contained(keywords);

        if (keywords.Remove("const", out var constant))
        {
            keywords["enum"] = keywords.TryGetValue("enum", out var values)
                ? Values(List([constant]), values) : List([constant]);
        }

        return keywords;
    }

    /// <summary>A list of these.</summary>
    public JsonElement List(IEnumerable<JsonElement> items) => Json(json =>
    {
        json.WriteStartArray();
        foreach (var item in items) item.WriteTo(json);
        json.WriteEndArray();
    });

    /// <summary>An object that has these.</summary>
    public JsonElement Of(Dictionary<string, JsonElement> keywords) => Json(json =>
    {
        json.WriteStartObject();
        foreach (var (name, value) in keywords)
        {
            json.WritePropertyName(name);
            value.WriteTo(json);
        }

        json.WriteEndObject();
    });

    private JsonElement Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) write(json);
        if ((_bytes += buffer.WrittenCount) > MostBytes) throw TooLong();
        var reader = new Utf8JsonReader(buffer.WrittenSpan, new JsonReaderOptions { MaxDepth = MostDepth });
        return JsonElement.ParseValue(ref reader);
    }

    public static RuntimeErrorException TooManyPatterns() =>
        JsonSchemaGrammar.Unsupported($"more than {MostPatterns} patterns of names");

    private static RuntimeErrorException TooLong() =>
        JsonSchemaGrammar.Unsupported("schemas that all hold and are too long");
}
