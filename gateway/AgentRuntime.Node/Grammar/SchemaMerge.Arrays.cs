using System.Text.Json;

namespace AgentRuntime.Node.Grammar;

/// <content>What two schemas say of an array's items.</content>
internal sealed partial class SchemaMerge
{
    /// <summary>
    /// The schemas of an array's first items, and of those after them (drafts before 2020-12 have a list of the first
    /// ones in <c>items</c>).
    /// </summary>
    public static (JsonElement[] First, JsonElement Others) ItemsOf(JsonElement? prefix, JsonElement? items,
        JsonElement? additional)
    {
        if (prefix is { ValueKind: JsonValueKind.Array } first) return ([.. first.EnumerateArray()], items ?? Any);
        return items is { ValueKind: JsonValueKind.Array } list
            ? ([.. list.EnumerateArray()], additional ?? Any) : ([], items ?? Any);
    }

    /// <summary>
    /// Says of each of the first items in one of two schemas what the other one says of it, and leaves in that one
    /// nothing of them.
    /// </summary>
    private void Align(Dictionary<string, JsonElement> left, Dictionary<string, JsonElement> right)
    {
        var (first, others) = ItemsOf(left);
        var (theirs, rest) = ItemsOf(right);
        if (first.Length == 0 && theirs.Length == 0 && !IsList(left) && !IsList(right)) return;
        JsonElement[] both = [.. Enumerable.Range(0, Math.Max(first.Length, theirs.Length)).Select(i =>
            AllOf(i < first.Length ? first[i] : others, i < theirs.Length ? theirs[i] : rest))];
        foreach (var keywords in (Dictionary<string, JsonElement>[])[left, right])
            foreach (var name in (string[])["prefixItems", "items", "additionalItems"])
                keywords.Remove(name);
        (left["prefixItems"], left["items"]) = (List(both), AllOf(others, rest));
    }

    private static bool IsList(Dictionary<string, JsonElement> schema) =>
        schema.TryGetValue("items", out var items) && items.ValueKind == JsonValueKind.Array;

    private static (JsonElement[] First, JsonElement Others) ItemsOf(Dictionary<string, JsonElement> schema)
    {
        return ItemsOf(Its("prefixItems"), Its("items"), Its("additionalItems"));

        JsonElement? Its(string name) => schema.TryGetValue(name, out var value) ? value : null;
    }

    /// <summary>
    /// Puts <c>contains</c> together with its bounds, as one of a list: each schema keeps its own beside those of
    /// others.
    /// </summary>
    private void Contained(Dictionary<string, JsonElement> keywords)
    {
        var (hasLeast, hasMost) = (keywords.Remove("minContains", out var least),
            keywords.Remove("maxContains", out var most));
        if (!keywords.TryGetValue("contains", out var contains) || contains.ValueKind == JsonValueKind.Array) return;
        var entry = new Dictionary<string, JsonElement> { ["contains"] = contains };
        if (hasLeast) entry["minContains"] = least;
        if (hasMost) entry["maxContains"] = most;
        keywords["contains"] = List([Of(entry)]);
    }

    /// <summary>Arrays that have so many items of a schema.</summary>
    private JsonElement Containing(JsonElement schema, double least, double? most = null)
    {
        var entry = new Dictionary<string, JsonElement> { ["contains"] = schema, ["minContains"] = Digits(least) };
        if (most is { } bound) entry["maxContains"] = Digits(bound);
        return Typed("array", "contains", List([Of(entry)]));
    }

    /// <summary>Arrays of which the items are not so many of a schema as another wants.</summary>
    private IEnumerable<JsonElement> NotContaining(JsonElement entries)
    {
        foreach (var entry in Items(entries).Where(e => e.ValueKind == JsonValueKind.Object))
        {
            if (!entry.TryGetProperty("contains", out var schema)) continue;
            var least = entry.TryGetProperty("minContains", out var given) ? Number(given) : 1;
            if (least > 0) yield return Containing(schema, 0, least - 1);
            if (entry.TryGetProperty("maxContains", out var most)) yield return Containing(schema, Number(most) + 1);
        }
    }

    /// <summary>Arrays with an item, after <paramref name="at"/> others, of a schema.</summary>
    private JsonElement WithItem(int at, JsonElement schema) => Of(new()
    {
        [SchemaMarks.Silent] = Any,
        ["type"] = Text("array"),
        ["minItems"] = Digits(at + 1),
        ["prefixItems"] = List([.. Enumerable.Repeat(Any, at), schema]),
    });
}
