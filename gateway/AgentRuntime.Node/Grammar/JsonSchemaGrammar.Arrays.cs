using System.Numerics;
using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Arrays.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Values of which each may come once in any order: each set of them that has come is a rule.</summary>
    private const int MostUnlike = 8;

    private string? Array(JsonElement schema, int depth)
    {
        var (least, most) = Bounds(schema, "minItems", "maxItems");
        if (most < least) return null;
        var (schemas, rest) = Items(schema);
        if (schemas.Count == 0 && Distinct(schema, rest) is { } values) return Unlike(values, least, most);
        var first = schemas.Take(most ?? int.MaxValue).Select(s => Value(s, depth + 1))
            .TakeWhile(rule => rule is not null).ToArray();
        // No item comes after one that nothing satisfies.
        var item = first.Length < schemas.Count || most == first.Length ? null : Value(rest, depth + 1);
        if (item is null)
        {
            if (least > first.Length) return null;
            most = first.Length;
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
        var items = CompletionRequestReader.Child(schema, "items");
        if (List(schema, "prefixItems") is { } prefix) return ([.. prefix.EnumerateArray()], items ?? AnyValue);
        // Drafts before 2020-12 have a list there.
        return items is { ValueKind: JsonValueKind.Array } list
            ? ([.. list.EnumerateArray()], CompletionRequestReader.Child(schema, "additionalItems") ?? AnyValue)
            : ([], items ?? AnyValue);
    }

    /// <summary>
    /// The values, written, of which a schema wants each once at most; null where it does not, or they are too many.
    /// </summary>
    private string[]? Distinct(JsonElement schema, JsonElement items)
    {
        if (CompletionRequestReader.Child(schema, "uniqueItems") is not { ValueKind: JsonValueKind.True }) return null;
        if (CompletionRequestReader.Child(items, "$ref") is { } reference && _merge.Without(items, "$ref") is null)
            items = Resolve(reference);
        return items.ValueKind == JsonValueKind.Object && Listed(items) is { Length: <= MostUnlike } values
            ? [.. Fitting(items, values).Select(Literal)] : null;
    }

    private string? Unlike(string[] values, int least, int? most)
    {
        Dictionary<int, string?> rules = [];
        if (most == 0 || values.Length == 0) return least == 0 ? Rule("\"[\" ws \"]\"") : null;
        return Others(0) is { } all ? List(least, all) : null;

        // Some of those that have not come, at least one.
        string? Others(int come)
        {
            if (rules.TryGetValue(come, out var known)) return known;
            string[] options = [.. values.Index().Where(v => (come & (1 << v.Index)) == 0)
                .Select(v => (v.Item, After: After(come | (1 << v.Index))))
                .Where(v => v.After is not null).Select(v => $"{v.Item} {v.After}")];
            return rules[come] = options.Length == 0 ? null : Rule(string.Join(" | ", options));
        }

        string? After(int come)
        {
            var count = BitOperations.PopCount((uint)come);
            var others = count >= (most ?? values.Length) ? null : Others(come);
            return others is null ? count >= least ? "\"\"" : null
                : Rule($"ws \",\" ws {others}{(count >= least ? " | \"\"" : "")}");
        }
    }
}
