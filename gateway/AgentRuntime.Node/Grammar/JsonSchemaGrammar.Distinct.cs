using System.Numerics;
using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>
/// Arrays of which no two items are equal (<c>uniqueItems</c>), where all values of items are listed and few.
/// </content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Sets of values that have come, of which each is a rule.</summary>
    private const int MostSets = 256;

    /// <summary>Values of items: a set of them is a number.</summary>
    private const int MostDistinct = 64;

    private static readonly JsonElement[] Nothing = [JsonElement.Parse("null")];

    private static readonly JsonElement[] Truths = [JsonElement.Parse("false"), JsonElement.Parse("true")];

    /// <summary>
    /// The items of an array whose items are all different; null where their values are not listed or too many.
    /// </summary>
    private DistinctItems? Distinct(JsonElement items, List<Counted> counted, int least, int? most, int depth)
    {
        for (var i = 0; i < MostReferences && Apart(items) is [var (only, _)]; i++) items = only;
        if (items.ValueKind != JsonValueKind.Object || Apart(items) is not null) return null;
        if ((Listed(items) ?? OfFewTypes(items)) is not { Length: <= MostDistinct } listed
            || System.Array.Exists(listed, v => Speaks(items, v.ValueKind))) return null;
        List<JsonElement> values = [];
        foreach (var value in Fitting(items, listed))
            if (!values.Exists(v => JsonElement.DeepEquals(v, value)))
                values.Add(value);
        if (Sets(values.Count, Math.Min(most ?? values.Count, values.Count)) > MostSets) return null;
        List<ulong> which = [];
        foreach (var one in counted)
        {
            if (values.Exists(v => v.ValueKind is JsonValueKind.Object or JsonValueKind.Array)) return null;
            which.Add(values.Index().Where(v => IsOf(v.Item, one.Schema, depth))
                .Aggregate(0UL, (all, v) => all | (1UL << v.Index)));
        }

        return new(this, [.. values.Select(v => Literal(RequestJson.Compact(v)))], least, most,
            come => counted.Index().All(c => BitOperations.PopCount(come & which[c.Index]) is var count
                && count >= c.Item.Least && !(count > c.Item.Most)));

        static long Sets(int values, int most)
        {
            var (all, ofSize) = (0L, 1L);
            for (var size = 0; size < most && all <= MostSets; size++)
            {
                all += ofSize;
                ofSize = ofSize * (values - size) / (size + 1);
            }

            return all;
        }
    }

    /// <summary>The values of types that have few; null where a schema has others, or none.</summary>
    private static JsonElement[]? OfFewTypes(JsonElement schema)
    {
        string[] types = [.. Each(schema, "type")];
        return types.Length == 0 || types.Except(["boolean", "null"]).Any() ? null
            : [.. types.Distinct().SelectMany(type => type == "null" ? Nothing : Truths)];
    }

    /// <summary>Whether a value, neither an object nor an array, is of a schema.</summary>
    private bool IsOf(JsonElement value, JsonElement schema, int depth) =>
        Merged(_merge.AllOf([_merge.Of(new() { ["const"] = value }), schema]), depth) is not null;

    /// <summary>Items that are all different.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="values">Their values, written.</param>
    /// <param name="least">How many come at least, and</param>
    /// <param name="most">at most.</param>
    /// <param name="isEnough">Whether those that have come, as bits, may be all.</param>
    private sealed class DistinctItems(
        JsonSchemaGrammar grammar, string[] values, int least, int? most, Func<ulong, bool> isEnough)
    {
        private readonly Dictionary<(ulong Come, int Count), string?> _rules = [];

        /// <summary>The rule of the array; null for none.</summary>
        public string? Write() => Others(0, 0) is { } all ? grammar.List(MayEnd(0, 0) ? 0 : 1, all)
            : MayEnd(0, 0) ? grammar.Rule("\"[\" ws \"]\"") : null;

        private bool MayEnd(ulong come, int count) => count >= least && isEnough(come);

        /// <summary>Some of those that may come, at least one; null for none.</summary>
        private string? Others(ulong come, int count)
        {
            if (count >= most) return null;
            if (_rules.TryGetValue((come, count), out var known)) return known;
            string[] options = [.. values.Index().Where(v => (come & (1UL << v.Index)) == 0)
                .Select(v => (v.Item, After: After(come | (1UL << v.Index), Math.Min(count + 1, most ?? least))))
                .Where(v => v.After is not null).Select(v => $"{v.Item} {v.After}")];
            return _rules[(come, count)] = options.Length == 0 ? null : grammar.Rule(string.Join(" | ", options));
        }

        private string? After(ulong come, int count)
        {
            var (mayEnd, others) = (MayEnd(come, count), Others(come, count));
            return others is null ? mayEnd ? "\"\"" : null
                : grammar.Rule($"ws \",\" ws {others}{(mayEnd ? " | \"\"" : "")}");
        }
    }
}
