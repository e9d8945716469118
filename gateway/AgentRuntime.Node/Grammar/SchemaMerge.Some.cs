using System.Text.Json;

namespace AgentRuntime.Node.Grammar;

/// <content>Objects that are none of a schema for one of their properties, or for one that they lack.</content>
internal sealed partial class SchemaMerge
{
    /// <summary>Properties for which an object may be none of a schema that are each a schema of their own.</summary>
    private const int MostApart = 2;

    /// <summary>
    /// Schemas of objects of which one property is not what a schema says, or is not there though it says so.
    /// </summary>
    /// <param name="keywords">What the schema says.</param>
    /// <param name="not">What is no instance of a schema.</param>
    private IEnumerable<JsonElement> NotOfObjects(
        Dictionary<string, JsonElement> keywords, Func<JsonElement, JsonElement?> not)
    {
        JsonElement[] absent = keywords.TryGetValue("required", out var required)
            ? [.. Items(required).Where(n => n.ValueKind == JsonValueKind.String)] : [];
        var (named, patterns) = (Others("properties", _ => true), Others("patternProperties", IsRead));
        var known = Named(keywords, "patternProperties").Keys;
        var rest = keywords.TryGetValue("additionalProperties", out var additional) && known.All(IsRead)
            && not(additional) is { } other && !IsNone(other) ? other : (JsonElement?)null;
        if (patterns.Count == 0 && rest is null && absent.Length + named.Count <= MostApart)
            return [.. absent.Select(n => Absent(n.GetString()!)), .. named.Select(p => Present(p.Key, p.Value))];
        var some = new Dictionary<string, JsonElement>();
        if (absent.Length > 0) some["required"] = List(absent);
        if (named.Count > 0) some["properties"] = Of(named);
        if (patterns.Count > 0) some["patternProperties"] = Of(patterns);
        if (rest is { } others)
        {
            some["additionalProperties"] = others;
            some["besides"] = List(Named(keywords, "properties").Keys.Select(Text));
            some["besidesPatterns"] = List(known.Select(Text));
        }

        return [Of(new()
        {
            [SchemaMarks.Silent] = Any, ["type"] = Text("object"), [SchemaMarks.Some] = List([Of(some)]),
        })];

        Dictionary<string, JsonElement> Others(string keyword, Func<string, bool> isMeant) =>
            Named(keywords, keyword).Where(p => isMeant(p.Key)).Select(p => (p.Key, Value: not(p.Value)))
                .Where(p => p.Value is { } its && !IsNone(its)).ToDictionary(p => p.Key, p => p.Value!.Value);

        JsonElement Present(string name, JsonElement value) => Of(new()
        {
            [SchemaMarks.Silent] = Any,
            ["type"] = Text("object"),
            ["required"] = List([Text(name)]),
            ["properties"] = Of(new() { [name] = value }),
        });
    }

    /// <summary>Whether it can be said which names are of a pattern, one by one and all at once.</summary>
    private bool IsRead(string pattern) => PatternReader.Read(pattern) is not null && Matches(pattern, "") is not null;

    private static bool IsKnownFormat(JsonElement format) =>
        format.ValueKind == JsonValueKind.String && StringFormats.Pattern(format.GetString()) is not null;

    /// <summary>Whether <see cref="Not"/> says all that is no instance of a schema.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="resolve">What a reference refers to.</param>
    /// <param name="depth">How deep within schemas it is.</param>
    public bool IsExact(JsonElement schema, Func<JsonElement, JsonElement> resolve, int depth = 0)
    {
        if (schema.ValueKind != JsonValueKind.Object) return true;
        if (depth > MostNegations || ++_judged > MostJudged) return false;
        return schema.EnumerateObject().All(k => k.Name switch
        {
            "type" or "required" or "minLength" or "maxLength" or "minimum" or "maximum" or "exclusiveMinimum"
                or "exclusiveMaximum" or "multipleOf" or "minItems" or "maxItems" or "minProperties"
                or "maxProperties" or "minContains" or "maxContains" or "uniqueItems" => true,
            "format" => depth == 0 || !Items(k.Value).Any(IsKnownFormat),
            "pattern" => k.Value.ValueKind != JsonValueKind.String
                || PatternReader.Read(k.Value.GetString()!) is not null,
            "const" => IsValue(k.Value),
            "enum" => k.Value.ValueKind == JsonValueKind.Array && k.Value.EnumerateArray().All(IsValue),
            "properties" => k.Value.ValueKind == JsonValueKind.Object
                && k.Value.EnumerateObject().All(p => IsIt(p.Value)),
            "patternProperties" => k.Value.ValueKind == JsonValueKind.Object
                && k.Value.EnumerateObject().All(p => IsIt(p.Value) && IsRead(p.Name)),
            "additionalProperties" => IsIt(k.Value),
            "anyOf" or "allOf" or "prefixItems" => Items(k.Value).All(IsIt),
            "oneOf" => Items(k.Value) is { Length: <= MostPaired } options && options.All(IsIt),
            "items" => k.Value.ValueKind != JsonValueKind.Array && IsIt(k.Value)
                && (IsFree(k.Value) || !schema.TryGetProperty("prefixItems", out _)),
            "contains" => k.Value.ValueKind != JsonValueKind.Array && IsIt(k.Value),
            "not" => IsIt(k.Value),
            "$ref" => IsIt(resolve(k.Value)),
            _ => !IsEnforced(k.Name),
        });

        bool IsIt(JsonElement its) => IsExact(its, resolve, depth + 1);
        bool IsValue(JsonElement value) =>
            value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array) || IsIt(OfValue(value));
    }

    /// <summary>Schemas of which it is judged whether all is said that is none of theirs.</summary>
    private const int MostJudged = 20_000;

    private int _judged;
}
