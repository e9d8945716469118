using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>
/// <c>unevaluatedProperties</c> and <c>unevaluatedItems</c> (JSON Schema 2020-12, core, 11): a schema that has them is
/// taken apart until nothing in its place is left to be taken apart, while it keeps which properties and items the
/// schemas in its place speak of. Then they say what others do as <c>additionalProperties</c> and <c>items</c> do.
/// </content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Schemas that one of them is taken apart into, and within one another.</summary>
    private const int MostEvaluated = 64;

    private const int MostEvaluating = 8;

    private static readonly string[] Pending = ["unevaluatedProperties", "unevaluatedItems"];

    private int _evaluating;

    /// <summary>Whether a schema says something of what no schema in its place speaks of.</summary>
    private static bool IsPending(JsonElement schema) => schema.ValueKind == JsonValueKind.Object
        && Pending.Any(keyword => CompletionRequestReader.Child(schema, keyword) is not null);

    /// <summary>A schema and another one that holds in its place.</summary>
    /// <param name="whole">The schema.</param>
    /// <param name="part">The other.</param>
    /// <param name="isFirst">Whether the other one's properties come first.</param>
    private JsonElement Within(JsonElement whole, JsonElement part, bool isFirst = false)
    {
        var isSilent = part.ValueKind == JsonValueKind.Object && part.TryGetProperty(SchemaMarks.Silent, out _);
        if (IsPending(part))
        {
            var each = Evaluated(part);
            part = each.Count == 1 ? each[0] : _merge.AnyOf(each);
        }

        if (!isSilent && IsPending(whole)) whole = _merge.Evaluating(whole, part);
        return isFirst ? Both(part, whole) : Both(whole, part);
    }

    /// <summary>Schemas of which one holds where a schema does, of which none <see cref="IsPending"/>.</summary>
    private List<JsonElement> Evaluated(JsonElement schema)
    {
        List<JsonElement> all = [];
        var open = new Stack<JsonElement>([_merge.Evaluating(schema, schema)]);
        if (++_evaluating > MostEvaluating || IsPlain) return Left();
        while (open.TryPop(out var one))
        {
            if (one.ValueKind != JsonValueKind.Object || Apart(one) is not { } cases)
            {
                all.Add(one.ValueKind == JsonValueKind.Object ? Closed(one) : one);
                continue;
            }

            if (all.Count + open.Count + cases.Count > MostEvaluated || _merges > MostMerges / 2) return Left();
            foreach (var (next, _) in cases.AsEnumerable().Reverse()) open.Push(next);
        }

        _evaluating--;
        return all;

        List<JsonElement> Left()
        {
            _evaluating--;
            Unenforced(schema, CompletionRequestReader.Child(schema, Pending[0]) is null ? Pending[1] : Pending[0],
                "of what is made of so many others");
            return [_merge.Without(schema, Pending) ?? AnyValue];
        }
    }

    /// <summary>
    /// The options of a union within a schema; of few, any that hold together speak of what is theirs.
    /// </summary>
    private IEnumerable<JsonElement> Options(JsonElement[] options, string keyword, JsonElement beside)
    {
        const int Few = 3;
        if (keyword != "anyOf" || options.Length > Few || !IsPending(beside))
            return options.Select(option => Within(beside, option));
        return Enumerable.Range(1, (1 << options.Length) - 1).Select(which => options
            .Where((_, i) => (which & (1 << i)) != 0).Aggregate(beside, (whole, part) => Within(whole, part)));
    }

    /// <summary>A schema that says of its properties and items what it did of those that nothing spoke of.</summary>
    private JsonElement Closed(JsonElement schema)
    {
        var keywords = _merge.Evaluations(schema, out var evaluated);
        if (keywords.Remove("unevaluatedProperties", out var properties) && !evaluated.HasAllProperties)
        {
            if (keywords.TryGetValue("properties", out var its))
            {
                keywords["properties"] = _merge.Of(SchemaMerge.Named(its).ToDictionary(
                    p => p.Key, p => IsEvaluated(p.Key) ? p.Value : _merge.AllOf([p.Value, properties])));
            }

            keywords["additionalProperties"] = properties;
        }

        if (keywords.Remove("unevaluatedItems", out var items) && !evaluated.HasAllItems)
        {
            var rest = evaluated.Contained.Count == 0 ? items : _merge.AnyOf([items, .. evaluated.Contained]);
            var (first, others) = Items(schema);
            keywords.Remove("additionalItems");
            keywords["prefixItems"] = _merge.List(Enumerable.Range(0, Math.Max(first.Count, evaluated.FirstItems))
                .Select(i => i >= first.Count ? others : i < evaluated.FirstItems ? first[i]
                    : _merge.AllOf([first[i], rest])));
            keywords["items"] = SchemaMerge.IsFree(others) ? rest : _merge.AllOf([others, rest]);
        }

        return _merge.Of(keywords);

        bool IsEvaluated(string name) => evaluated.Properties.Contains(name)
            || evaluated.Patterns.Any(p => _merge.MustMatch(p, name));
    }
}
