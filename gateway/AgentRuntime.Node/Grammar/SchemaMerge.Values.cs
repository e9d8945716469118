using System.Text.Json;

namespace AgentRuntime.Node.Grammar;

/// <content>Values that schemas list.</content>
internal sealed partial class SchemaMerge
{
    /// <summary>
    /// Says of arrays, or of objects, by their parts that they are equal to one (JSON Schema 2020-12, core, 4.2.2).
    /// </summary>
    /// <param name="value">An array or an object.</param>
    public JsonElement OfValue(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            var count = Digits(value.GetArrayLength());
            return value.GetArrayLength() == 0 ? Of(new() { ["maxItems"] = count }) : Of(new()
            {
                ["prefixItems"] = List(value.EnumerateArray().Select(Part)), ["minItems"] = count, ["maxItems"] = count,
            });
        }

        var its = Named(value);
        return its.Count == 0 ? Of(new() { ["maxProperties"] = Digits(0) }) : Of(new()
        {
            ["properties"] = Of(its.ToDictionary(p => p.Key, p => Part(p.Value))),
            ["required"] = List(its.Keys.Select(Text)),
            ["additionalProperties"] = JsonElement.Parse("false"),
        });

        JsonElement Part(JsonElement part) => Of(new() { ["const"] = part });
    }

    /// <summary>Schemas of values that are none of those that are listed.</summary>
    /// <param name="values">They.</param>
    /// <param name="not">What is no instance of a schema.</param>
    private IEnumerable<JsonElement> NotValues(JsonElement[] values, Func<JsonElement, JsonElement?> not)
    {
        var kinds = values.Select(v => v.ValueKind).ToHashSet();
        string[] others = [.. AllTypes.Where(type => !kinds.Contains(type switch
        {
            "object" => JsonValueKind.Object,
            "array" => JsonValueKind.Array,
            "string" => JsonValueKind.String,
            "number" => JsonValueKind.Number,
            "null" => JsonValueKind.Null,
            _ => kinds.Contains(JsonValueKind.True) ? JsonValueKind.True : JsonValueKind.False,
        }))];
        if (others.Length > 0) yield return Of(new() { ["type"] = List(others.Select(Text)) });
        if (kinds.Contains(JsonValueKind.True) != kinds.Contains(JsonValueKind.False))
        {
            var other = JsonElement.Parse(kinds.Contains(JsonValueKind.True) ? "false" : "true");
            yield return Of(new() { ["enum"] = List([other]) });
        }

        foreach (var (type, kind) in ((string, JsonValueKind)[])
            [("string", JsonValueKind.String), ("number", JsonValueKind.Number)])
            if (kinds.Contains(kind))
                yield return Leaf(type, "enum", List(values.Where(v => v.ValueKind == kind)));

        foreach (var kind in (JsonValueKind[])[JsonValueKind.Array, JsonValueKind.Object])
        {
            JsonElement?[] all = [.. values.Where(v => v.ValueKind == kind).Select(v => not(OfValue(v)))];
            if (all.Length > 0 && !all.Contains(null))
                yield return all.Length == 1 ? all[0]!.Value : AllOf(all.Select(s => s!.Value));
        }
    }
}
