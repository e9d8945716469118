using System.Text.Json;

namespace AgentRuntime.Node.Grammar;

/// <content>What is no instance of a schema.</content>
internal sealed partial class SchemaMerge
{
    private const int MostNegations = 8;

    /// <summary>Options of <c>oneOf</c> of which two may hold at once.</summary>
    private const int MostPaired = 4;

    /// <summary>Schemas of which it is said what is none of theirs: they may refer to one another many times.</summary>
    private const int MostNegated = 1000;

    private int _negated;

    private static readonly string[] AllTypes = ["object", "array", "string", "number", "boolean", "null"];

    /// <summary>
    /// A schema of values that are no instances of another: of all of them where that can be said, else of some; null
    /// for none. Strings and numbers of which only a language says it keep a <c>not</c> with one of
    /// <see cref="JsonSchemaGrammar.IsOfLanguage"/>.
    /// </summary>
    /// <param name="schema">The other.</param>
    /// <param name="resolve">What a reference refers to.</param>
    /// <param name="depth">How deep within schemas it is.</param>
    public JsonElement? Not(JsonElement schema, Func<JsonElement, JsonElement> resolve, int depth = 0)
    {
        if (depth > MostNegations || ++_negated > MostNegated) return null;
        if (schema.ValueKind == JsonValueKind.True) return JsonElement.Parse("false");
        if (schema.ValueKind == JsonValueKind.False) return JsonElement.Parse("true");
        var keywords = Keywords(schema);
        if (keywords.Count == 0) return JsonElement.Parse("false");
        List<JsonElement> options = [];
        foreach (var (name, value) in keywords)
        {
            options.AddRange(name switch
            {
                "$ref" => One(Not(resolve(value), resolve, depth + 1)),
                "not" => One(Quiet(value, depth + 1)),
                "allOf" => Items(value).SelectMany(s => One(Not(s, resolve, depth + 1))),
                "anyOf" => One(NotAny(Items(value))),
                "oneOf" => [.. One(NotAny(Items(value))), .. TwoOf(Items(value))],
                "enum" => NotValues(Items(value), s => Not(s, resolve, depth + 1)),
                "type" => NotTypes(Items(value)),
                "pattern" => Items(value).Where(p => p.ValueKind == JsonValueKind.String
                    && PatternReader.Read(p.GetString()!) is not null).Select(p => Leaf("string", name, p)),
                // What validates it may not assert it (validation, 7.2.1): it tells only what nothing else does.
                "format" when depth == 0 => Items(value).Where(IsKnownFormat).Select(f => Leaf("string", name, f)),
                "minLength" or "maxLength" => [Leaf("string", name, value)],
                "multipleOf" => Items(value).Select(m => Leaf("number", name, m)),
                "minimum" => [Typed("number", IsTrue("exclusiveMinimum") ? "maximum" : "exclusiveMaximum", value)],
                "maximum" => [Typed("number", IsTrue("exclusiveMaximum") ? "minimum" : "exclusiveMinimum", value)],
                // Draft 4 has a boolean there, which says something of the other one.
                "exclusiveMinimum" or "exclusiveMaximum" when value.ValueKind != JsonValueKind.Number => [],
                "exclusiveMinimum" => [Typed("number", "maximum", value)],
                "exclusiveMaximum" => [Typed("number", "minimum", value)],
                "minItems" when Number(value) > 0 => [Typed("array", "maxItems", Digits(Number(value) - 1))],
                "maxItems" => [Typed("array", "minItems", Digits(Number(value) + 1))],
                "contains" => NotContaining(value),
                "prefixItems" => NotFirst(Items(value)),
                "items" when value.ValueKind == JsonValueKind.Array => NotFirst(Items(value)),
                "items" when !keywords.ContainsKey("prefixItems") =>
                    One(Not(value, resolve, depth + 1)).Where(s => !IsNone(s)).Select(s => Containing(s, 1)),
                "minProperties" when Number(value) > 0 => [Typed("object", "maxProperties", Digits(Number(value) - 1))],
                "maxProperties" => [Typed("object", "minProperties", Digits(Number(value) + 1))],
                _ => [],
            });
        }

        options.AddRange(NotOfObjects(keywords, s => Not(s, resolve, depth + 1)));
        if (options.Count == 0)
        {
            return IsExact(schema, resolve) && !keywords.ContainsKey("uniqueItems")
                ? JsonElement.Parse("false") : null;
        }

        return options.Count == 1 ? options[0] : Of(new() { ["anyOf"] = List(options) });

        bool IsTrue(string keyword) =>
            keywords.TryGetValue(keyword, out var value) && value.ValueKind == JsonValueKind.True;

        // Of two options at once, where they are few.
        IEnumerable<JsonElement> TwoOf(JsonElement[] options)
        {
            if (options.Length > MostPaired) yield break;
            for (var i = 0; i < options.Length; i++)
                for (var j = 0; j < i; j++)
                    if (Quiet(options[i], depth + 1) is { } one && Quiet(options[j], depth + 1) is { } other)
                        yield return AllOf([one, other]);
        }

        JsonElement? NotAny(JsonElement[] any)
        {
            JsonElement?[] all = [.. any.Select(s => Not(s, resolve, depth + 1))];
            return all.Contains(null) ? null : Of(new() { ["allOf"] = List(all.Select(s => s!.Value)) });
        }

        // Itself, but that nothing in its place evaluates anything.
        JsonElement? Quiet(JsonElement one, int within)
        {
            if (one.ValueKind is JsonValueKind.True or JsonValueKind.False) return one;
            if (within > MostNegations || ++_negated > MostNegated) return null;
            var all = Keywords(one);
            if (all.Remove("$ref", out var reference))
            {
                return Quiet(resolve(reference), within + 1) is not { } its ? null
                    : all.Count == 0 ? its : Quiet(Of(all), within + 1) is { } beside ? AllOf([its, beside]) : null;
            }

            foreach (var (name, value) in all.Where(k => Groups.Contains(k.Key) || k.Key is "if" or "then" or "else"))
            {
                var quiet = value.ValueKind == JsonValueKind.Array
                    ? Items(value).Select(s => Quiet(s, within + 1)).ToArray() : [Quiet(value, within + 1)];
                if (name.StartsWith("depend", StringComparison.Ordinal) || quiet.Contains(null)) return null;
                all[name] = value.ValueKind == JsonValueKind.Array
                    ? List(quiet.Select(s => s!.Value)) : quiet[0]!.Value;
            }

            all[SchemaMarks.Silent] = Any;
            return Of(all);
        }

        IEnumerable<JsonElement> NotFirst(JsonElement[] first) => first
            .Select((s, i) => (At: i, Other: Not(s, resolve, depth + 1)))
            .Where(i => i.Other is { } other && !IsNone(other)).Select(i => WithItem(i.At, i.Other!.Value));
    }

    /// <summary>Values that are no objects with a property.</summary>
    /// <param name="name">The property's name, a string.</param>
    public JsonElement Lacking(JsonElement name) => Of(new()
    {
        [SchemaMarks.Silent] = Any,
        ["properties"] = Of(new() { [name.GetString()!] = JsonElement.Parse("false") }),
    });

    /// <summary>Objects without a property.</summary>
    private JsonElement Absent(string name) => Of(new()
    {
        [SchemaMarks.Silent] = Any,
        ["type"] = Text("object"),
        ["properties"] = Of(new() { [name] = JsonElement.Parse("false") }),
    });

    /// <summary>Objects that have these properties.</summary>
    public JsonElement Required(IEnumerable<JsonElement> names) => Of(new() { ["required"] = List(names) });

    private static bool IsNone(JsonElement schema) => schema.ValueKind == JsonValueKind.False;

    private static JsonElement[] One(JsonElement? schema) => schema is { } one ? [one] : [];

    private IEnumerable<JsonElement> NotTypes(JsonElement[] types)
    {
        string[] names = [.. types.Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!)];
        string[] others = [.. AllTypes.Except(names).Where(type => type != "number" || !names.Contains("integer"))];
        if (others.Length > 0) yield return Of(new() { ["type"] = List(others.Select(Text)) });
        if (names.Contains("integer") && !names.Contains("number"))
            yield return Leaf("number", "type", Text("integer"));
    }

    private JsonElement Leaf(string type, string keyword, JsonElement value) =>
        Typed(type, "not", Of(new() { [keyword] = value }));

    private JsonElement Typed(string type, string keyword, JsonElement value) =>
        Of(new() { ["type"] = Text(type), [keyword] = value });

    private JsonElement Text(string text) => Json(json => json.WriteStringValue(text));

    /// <summary>A count as JSON, which has no infinite one.</summary>
    private JsonElement Digits(double count) =>
        Json(json => json.WriteNumberValue(Math.Clamp(count, int.MinValue, int.MaxValue)));
}
