using System.Text.Json;

namespace AgentRuntime.Node.Grammar;

/// <content>Which properties and items the schemas speak of that hold in the place of another.</content>
internal sealed partial class SchemaMerge
{
    private static readonly string[] Speaking =
    [
        "properties", "patternProperties", "additionalProperties", "prefixItems", "items", "additionalItems",
        "contains",
    ];

    /// <summary>What schemas speak of.</summary>
    internal sealed class Evaluation
    {
        public HashSet<string> Properties { get; } = new(StringComparer.Ordinal);

        public HashSet<string> Patterns { get; } = new(StringComparer.Ordinal);

        public bool HasAllProperties { get; set; }

        /// <summary>How many of the first items.</summary>
        public int FirstItems { get; set; }

        public bool HasAllItems { get; set; }

        /// <summary>Schemas of which items are that are spoken of.</summary>
        public List<JsonElement> Contained { get; } = [];
    }

    /// <summary>A schema that keeps what a part of it speaks of.</summary>
    public JsonElement Evaluating(JsonElement whole, JsonElement part)
    {
        if (part.ValueKind != JsonValueKind.Object) return whole;
        var spoken = Keywords(part).Where(k => Speaking.Contains(k.Key)).ToDictionary(k => k.Key, k => k.Key switch
        {
            "contains" => k.Value,
            "properties" or "patternProperties" => Of(Named(k.Value).ToDictionary(p => p.Key, _ => Any)),
            _ => k.Value.ValueKind == JsonValueKind.Array ? List(k.Value.EnumerateArray().Select(_ => Any)) : Any,
        });
        if (spoken.Count == 0) return whole;
        var keywords = Keywords(whole);
        JsonElement[] before = keywords.TryGetValue(SchemaMarks.Spoken, out var known) ? Items(known) : [];
        keywords[SchemaMarks.Spoken] = List([.. before, Of(spoken)]);
        return Of(keywords);
    }

    /// <summary>What a schema says, but for what it keeps of which it and its parts speak.</summary>
    public Dictionary<string, JsonElement> Evaluations(JsonElement schema, out Evaluation evaluated)
    {
        var keywords = Keywords(schema);
        evaluated = new();
        if (!keywords.Remove(SchemaMarks.Spoken, out var all)) return keywords;
        foreach (var part in Items(all))
        {
            var its = Named(part);
            evaluated.Properties.UnionWith(Named(its, "properties").Keys);
            evaluated.Patterns.UnionWith(Named(its, "patternProperties").Keys);
            evaluated.HasAllProperties |= its.ContainsKey("additionalProperties");
            evaluated.FirstItems = Math.Max(evaluated.FirstItems, ItemsOf(its).First.Length);
            evaluated.HasAllItems |= its.TryGetValue("items", out var items)
                && (items.ValueKind != JsonValueKind.Array || its.ContainsKey("additionalItems"));
            if (its.TryGetValue("contains", out var contains))
            {
                evaluated.Contained.AddRange(Items(contains)
                    .Where(e => e.ValueKind == JsonValueKind.Object && e.TryGetProperty("contains", out _))
                    .Select(e => e.GetProperty("contains")));
            }
        }

        return keywords;
    }
}
