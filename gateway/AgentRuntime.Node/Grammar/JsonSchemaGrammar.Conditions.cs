using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Schemas that hold under conditions, alone of several, and what is no instance of others.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Options of which each is told from all others.</summary>
    private const int MostOptions = 6;

    /// <summary>
    /// Schemas of which one holds where a schema says what depends on what; null where it does not, or where it would
    /// take too many.
    /// </summary>
    private List<JsonElement>? Conditional(JsonElement schema)
    {
        if (CompletionRequestReader.Child(schema, "if") is { } condition)
        {
            var beside = _merge.Without(schema, "if", "then", "else") ?? AnyValue;
            if (!Splits()) return [beside];
            List<JsonElement> options = [Both(Both(beside, condition), Branch("then"))];
            if (_merge.Not(condition, Resolve) is { } others) options.Add(Both(Both(beside, others), Branch("else")));
            return options.FindAll(o => !IsDead(o));
        }

        foreach (var keyword in (string[])["dependentRequired", "dependentSchemas", "dependencies"])
        {
            if (CompletionRequestReader.Child(schema, keyword) is not { } dependents) continue;
            if (dependents.ValueKind != JsonValueKind.Object) throw NoSchema(keyword);
            var rest = _merge.Without(schema, keyword) ?? AnyValue;
            // One after the other: what is left of them stands beside what one comes to.
            if (!dependents.EnumerateObject().Any()) return [rest];
            var first = dependents.EnumerateObject().First();
            if (!Splits()) return [rest];
            var left = SchemaMerge.Named(dependents);
            left.Remove(first.Name);
            if (left.Count > 0) rest = Both(rest, _merge.Of(new() { [keyword] = _merge.Of(left) }));
            var name = JsonElement.Parse(RequestJson.Compact(first.Name));
            var present = Both(_merge.Required([name]), first.Value.ValueKind == JsonValueKind.Array
                ? _merge.Required(first.Value.EnumerateArray()) : first.Value);
            return [.. new[] { Both(rest, present), Both(rest, _merge.Absent(name)!.Value) }.Where(o => !IsDead(o))];
        }

        return null;

        JsonElement Branch(string name) => CompletionRequestReader.Child(schema, name) ?? AnyValue;
    }

    private string? Beside(JsonElement option, JsonElement? beside, int depth) => beside is { } both
        ? Merged(Both(both, option), depth) : Value(option, depth + 1);

    /// <summary>
    /// One of a schema's options with what is no instance of the others; null where that cannot be said of all of them,
    /// or where nothing is an instance of one alone: then of any, as was meant.
    /// </summary>
    private string? OneOf(JsonElement[] options, JsonElement? beside, int depth)
    {
        if (options.Length > MostOptions) return null;
        var alone = new JsonElement[options.Length];
        for (var i = 0; i < options.Length; i++)
        {
            alone[i] = options[i];
            foreach (var other in options.Where((o, j) => j != i && !AreApart(options[i], o)))
            {
                if (!IsExact(other) || !Splits() || _merge.Not(other, Resolve) is not { } not) return null;
                alone[i] = Both(alone[i], not);
            }
        }

        return Alternatives(alone.Select(option => Beside(option, beside, depth)));
    }

    /// <summary>Whether two schemas clearly have no instance in common.</summary>
    private static bool AreApart(JsonElement a, JsonElement b)
    {
        if (a.ValueKind != JsonValueKind.Object || b.ValueKind != JsonValueKind.Object) return false;
        if (Types(a) is { Count: > 0 } types && Types(b) is { Count: > 0 } others && !types.Overlaps(others))
            return true;
        if (Constants(a) is { } values && Constants(b) is { } constants && !values.Overlaps(constants)) return true;
        if (CompletionRequestReader.Child(a, "properties") is not { ValueKind: JsonValueKind.Object } properties
            || CompletionRequestReader.Child(b, "properties") is not { ValueKind: JsonValueKind.Object } theirs)
            return false;
        var (ours, known) = (SchemaMerge.Named(properties), SchemaMerge.Named(theirs));
        var both = RequiredNames(a).ToHashSet(StringComparer.Ordinal);
        both.IntersectWith(RequiredNames(b));
        return both.Any(name => ours.TryGetValue(name, out var its) && known.TryGetValue(name, out var their)
            && AreApart(its, their));

        static HashSet<string> Types(JsonElement schema) => [.. Entries(schema, "type").Select(t =>
            t.ValueKind == JsonValueKind.String && t.ValueEquals("integer") ? "\"number\"" : t.GetRawText())];
    }

    /// <summary>Whether <see cref="SchemaMerge.Not"/> says all that is no instance of a schema.</summary>
    public static bool IsExact(JsonElement schema) => schema.ValueKind != JsonValueKind.Object
        || schema.EnumerateObject().All(k => k.Name switch
        {
            "type" or "required" or "minLength" or "maxLength" or "minimum" or "maximum" or "exclusiveMinimum"
                or "exclusiveMaximum" or "multipleOf" or "pattern" => true,
            "const" or "enum" => Listed(schema) is { } values
                && values.All(v => v.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array)),
            "properties" => k.Value.ValueKind == JsonValueKind.Object
                && k.Value.EnumerateObject().All(p => IsExact(p.Value)),
            "anyOf" or "allOf" => Entries(schema, k.Name).All(IsExact),
            "not" => IsExact(k.Value),
            "additionalProperties" => SchemaMerge.IsFree(k.Value),
            _ => !SchemaMerge.IsEnforced(k.Name),
        });

    /// <summary>
    /// Whether one more schema may be taken apart: each time, all that it stands beside is written once more.
    /// </summary>
    private bool Splits() => _merges <= MostMerges / 2 && ++_splits <= MostSplits;

    /// <summary>Whether an object must have a property for which no value is left.</summary>
    private static bool IsDead(JsonElement schema)
    {
        if (CompletionRequestReader.Child(schema, "properties") is not { ValueKind: JsonValueKind.Object } properties)
            return false;
        var named = SchemaMerge.Named(properties);
        return RequiredNames(schema).Any(name => named.TryGetValue(name, out var its)
            && (its.ValueKind == JsonValueKind.False || Constants(its) is { Count: 0 }));
    }

    private static IEnumerable<string> RequiredNames(JsonElement schema) => Entries(schema, "required")
        .Where(name => name.ValueKind == JsonValueKind.String).Select(name => name.GetString()!);

    /// <summary>The values that a schema lists, as far as all of it lists some; null for any.</summary>
    private static HashSet<string>? Constants(JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object) return schema.ValueKind == JsonValueKind.False ? [] : null;
        HashSet<string>? all = null;
        if (schema.TryGetProperty("const", out var constant)) all = [RequestJson.Compact(constant)];
        if (schema.TryGetProperty("enum", out _))
            Limit(Entries(schema, "enum").Select(v => RequestJson.Compact(v)).ToHashSet(StringComparer.Ordinal));
        foreach (var one in Entries(schema, "allOf")) Limit(Constants(one));
        return all;

        void Limit(HashSet<string>? values)
        {
            if (all is null) all = values;
            else if (values is not null) all.IntersectWith(values);
        }
    }

    /// <summary>
    /// Whether strings or numbers, the only type of a schema, are told by their characters to be no instances of
    /// another one.
    /// </summary>
    public static bool IsOfLanguage(JsonElement schema, JsonElement not) => Entries(schema, "type") switch
    {
        [{ ValueKind: JsonValueKind.String } type] when type.ValueEquals("string") => 
            Has(not, "string", "pattern", "minLength", "maxLength"),
        [{ ValueKind: JsonValueKind.String } type] when type.ValueEquals("number") || type.ValueEquals("integer") =>
            Has(not, "integer", "multipleOf"),
        _ => false,
    };

    private static bool Has(JsonElement schema, string type, params string[] keywords) =>
        schema.ValueKind == JsonValueKind.Object && schema.EnumerateObject().All(k => k.Name switch
        {
            "const" => true,
            "enum" => k.Value.ValueKind == JsonValueKind.Array,
            "anyOf" => Entries(schema, k.Name).All(s => Has(s, type, keywords)),
            "type" => k.Value.ValueKind == JsonValueKind.String && k.Value.ValueEquals(type),
            "pattern" => keywords.Contains(k.Name) && k.Value.ValueKind == JsonValueKind.String
                && PatternReader.Read(k.Value.GetString()!) is not null,
            _ => keywords.Contains(k.Name),
        });

    /// <summary>
    /// A schema and what is no instance of another, of which only what <see cref="IsOfLanguage"/> is left as it is.
    /// </summary>
    private JsonElement Negated(JsonElement schema, JsonElement not)
    {
        // The others of a union are no instances each for itself.
        JsonElement[] any = not.ValueKind == JsonValueKind.Object
            && SchemaMerge.Named(not) is { Count: 1 } only && only.ContainsKey("anyOf") ? Entries(not, "anyOf") : [not];
        var beside = _merge.Without(schema, "not") ?? AnyValue;
        foreach (var one in any.Where(s => IsOfLanguage(schema, s)))
            beside = Both(beside, _merge.Of(new() { ["not"] = one }));
        foreach (var one in any.Where(s => !IsOfLanguage(schema, s)))
            if (_merge.Not(one, Resolve) is { } others && Splits())
                beside = Both(beside, others);
        return beside;
    }

    /// <summary>Whether a value that a schema lists is of what else it says of strings and numbers.</summary>
    private Func<JsonElement, bool> Fitting(JsonElement schema)
    {
        var expressions = _expressions;
        var (texts, numbers) = (Language("string", () => Texts(expressions, schema)), Language("number", () =>
            Between(schema, isWhole: false, out _) is not { } bounds ? RegularExpressions.None
            : expressions.And(expressions.Of(GbnfReader.Read($"root ::= {bounds}\n")), Numbers(expressions, schema))));
        return value => value.ValueKind switch
        {
            JsonValueKind.String => Is(value.GetString()!, texts.Value),
            JsonValueKind.Number => Is(value.GetRawText(), numbers.Value),
            _ => true,
        };

        Lazy<int> Language(string type, Func<int> make) => new(() =>
            Speaking.First(s => s.Type == type).Keywords.Append("not")
                .Any(k => CompletionRequestReader.Child(schema, k) is not null)
                ? Try(make) ?? RegularExpressions.All : RegularExpressions.All);
    }

    /// <summary>Whether a text is of a language; it is taken for one where that costs too much.</summary>
    private bool Is(string text, int language) => language == RegularExpressions.All
        || Try(() => text.EnumerateRunes().Aggregate(language, (l, c) => _expressions.Derive(l, c.Value)))
            is not { } rest || _expressions.MayBeEmpty(rest);
}
