using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Arrays.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Stands behind what must differ from all before it in its array or object.</summary>
    private const string Differing = " @";

    private string? Array(JsonElement schema, int depth)
    {
        var (least, most) = Bounds(schema, "minItems", "maxItems");
        var ((schemas, rest), end) = (Items(schema), "");
        if (most < least || Contained(schema) is not { } counted) return null;
        if (CompletionRequestReader.Child(schema, "uniqueItems") is { ValueKind: JsonValueKind.True } && !(most <= 1))
        {
            if (schemas.Count == 0 && Distinct(rest, counted, least, most, depth) is { } distinct)
                return distinct.Write();
            end = Differing;
        }

        if (counted.Count == 0) return Sequence(schemas, rest, least, most, end, depth);
        var items = new CountedItems(this, schemas, rest, counted, least, most, end, depth);
        var written = items.Write();
        if (written is not null || !items.IsNarrow) return written;
        Unenforced(schema, "contains", "of items that come so late");
        return Sequence(schemas, rest, least, most, end, depth);
    }

    private string? Sequence(List<JsonElement> schemas, JsonElement rest, int least, int? most, string end, int depth)
    {
        var first = schemas.Take(most ?? int.MaxValue).Select(s => Value(s, depth + 1))
            .TakeWhile(rule => rule is not null).Select(rule => rule + end).ToArray();
        // No item comes after one that nothing satisfies.
        var item = first.Length < schemas.Count || most == first.Length ? null : Value(rest, depth + 1);
        if (item is null)
        {
            if (least > first.Length) return null;
            most = first.Length;
        }
        else
        {
            item += end;
        }

        if (most == 0) return Rule("\"[\" ws \"]\"");
        var after = "\"\"";
        if (item is not null)
        {
            if (first.Length == 0)
            {
                after = $"(ws \",\" ws {item}){Repeat(Math.Max(0, least - 1), most - 1)}";
                return List(least, $"{item} {after}");
            }

            after = Rule($"(ws \",\" ws {item}){Repeat(Math.Max(0, least - first.Length), most - first.Length)}");
        }

        for (var i = first.Length - 1; i > 0; i--)
        {
            var written = $"ws \",\" ws {first[i]} {after}";
            after = Rule(i < least ? written : $"{written} | \"\"");
        }

        return List(least, $"{first[0]} {after}");
    }

    private string List(int least, string items) =>
        Rule(least == 0 ? $"\"[\" ws ({items})? ws \"]\"" : $"\"[\" ws {items} ws \"]\"");

    /// <summary>The schemas of an array's first items, and of those after them.</summary>
    private static (List<JsonElement> First, JsonElement Others) Items(JsonElement schema)
    {
        var (first, others) = SchemaMerge.ItemsOf(List(schema, "prefixItems"),
            CompletionRequestReader.Child(schema, "items"), CompletionRequestReader.Child(schema, "additionalItems"));
        return ([.. first], others);
    }
}
