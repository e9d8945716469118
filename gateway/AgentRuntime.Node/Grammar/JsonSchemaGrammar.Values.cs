using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Values that a schema lists.</content>
internal sealed partial class JsonSchemaGrammar
{
    private string? Literals(JsonElement schema, IEnumerable<JsonElement> values, int depth)
    {
        var fitting = Fitting(schema, values).ToLookup(v => Speaks(schema, v.ValueKind));
        string[] texts = [.. fitting[false].Select(v => RequestJson.Compact(v)).Distinct()];
        List<string?> options = [];
        if (texts.Length > 0)
        {
            var name = NewName();
            LiteralTree.Define(_rules, name, texts);
            CheckLength();
            options.Add(name);
        }

        if (!fitting[true].Any()) return Alternatives(options);
        var rest = _merge.Without(schema, "const", "enum", "type")!.Value;
        options.AddRange(fitting[true].Select(v => Merged(
            Both(v.ValueKind == JsonValueKind.Object ? AnyObject : AnyArray, Both(_merge.OfValue(v), rest)), depth)));
        return Alternatives(options);
    }

    /// <summary>Whether a schema says something of arrays or objects besides which ones it lists.</summary>
    private static bool Speaks(JsonElement schema, JsonValueKind kind) =>
        kind is JsonValueKind.Object or JsonValueKind.Array
        && Speaking.First(s => s.Type == (kind == JsonValueKind.Object ? "object" : "array")).Keywords
            .Append(SchemaMarks.Some).Any(keyword => CompletionRequestReader.Child(schema, keyword) is not null);

    /// <summary>Those of the values that a schema lists which are of all that it says.</summary>
    private IEnumerable<JsonElement> Fitting(JsonElement schema, IEnumerable<JsonElement> values) => values
        .Where(v => IsOfType(schema, v)).Where(Fitting(schema));

    private static bool IsOfType(JsonElement schema, JsonElement value)
    {
        if (CompletionRequestReader.Child(schema, "type") is null) return true;
        // Schemas that were merged may have no type in common.
        return Each(schema, "type").Any(t => value.ValueKind switch
        {
            JsonValueKind.Object => t == "object",
            JsonValueKind.Array => t == "array",
            JsonValueKind.String => t == "string",
            JsonValueKind.Null => t == "null",
            JsonValueKind.Number => t == "number"
                || (t == "integer" && Math.Floor(value.GetDouble()) == value.GetDouble()),
            _ => t == "boolean",
        });
    }

    /// <summary>Whether a value that a schema lists is of what else it says of strings and numbers.</summary>
    private Func<JsonElement, bool> Fitting(JsonElement schema)
    {
        var listing = CompletionRequestReader.Child(schema, "const") is null ? "enum" : "const";
        var texts = Language("string", () => Texts(_expressions, schema));
        var numbers = Language("number", () => Numbers(_expressions, schema));
        var (least, isAbove) = Bound(schema, "minimum", "exclusiveMinimum", (a, b) => a > b);
        var (most, isBelow) = Bound(schema, "maximum", "exclusiveMaximum", (a, b) => a < b);
        return value => value.ValueKind switch
        {
            JsonValueKind.String => Is(value.GetString()!, texts.Value, schema, listing),
            JsonValueKind.Number => !Says("number") || IsNumber(value),
            _ => true,
        };

        bool IsNumber(JsonElement value)
        {
            if (!value.TryGetDecimal(out var number))
            {
                Unenforced(schema, listing, "of so great a number beside what else is said of it");
                return true;
            }

            return !(number < least || (number == least && isAbove) || number > most || (number == most && isBelow))
                && Is(Plain(number), numbers.Value, schema, listing);
        }

        bool Says(string type) => Speaking.First(s => s.Type == type).Keywords.Append("not")
            .Any(k => CompletionRequestReader.Child(schema, k) is not null);

        Lazy<int> Language(string type, Func<int> make) =>
            new(() => Says(type) ? Try(make) ?? RegularExpressions.All : RegularExpressions.All);
    }

    /// <summary>Whether a text is of a language; it is taken for one where that costs too much.</summary>
    private bool Is(string text, int language, JsonElement schema, string keyword)
    {
        if (language == RegularExpressions.All) return true;
        if (Try(() => text.EnumerateRunes().Aggregate(language, (l, c) => _expressions.Derive(l, c.Value))) is { } rest)
            return _expressions.MayBeEmpty(rest);
        Unenforced(schema, keyword, "of texts that are so long or many");
        return true;
    }
}
