using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Schemas that hold under conditions, alone of several, and what is no instance of others.</content>
internal sealed partial class JsonSchemaGrammar
{
    private static readonly string[] References = ["$ref", "$dynamicRef", "$recursiveRef"];

    /// <summary>Options of which each is told from all others.</summary>
    private const int MostOptions = 6;

    /// <summary>Options of which it is seen which are told from one another by what they list.</summary>
    private const int MostCompared = 64;

    /// <summary>
    /// Schemas of which one holds where a schema is made of others, taken apart by one keyword; null where it is of
    /// none.
    /// </summary>
    /// <returns>Each with whether it was made, and is known by its text.</returns>
    private List<(JsonElement Schema, bool IsMade)>? Apart(JsonElement schema)
    {
        foreach (var keyword in References)
        {
            if (CompletionRequestReader.Child(schema, keyword) is not { } reference) continue;
            var its = Resolve(reference, keyword);
            return _merge.Without(schema, keyword) is { } beside
                ? [(Within(beside, its, isFirst: true), true)] : [(its, false)];
        }

        // Before allOf, in which unions are that stand beside another one.
        if (CompletionRequestReader.Child(schema, "anyOf") is not null) return Any(schema, "anyOf");
        if (List(schema, "oneOf") is { } one)
        {
            JsonElement[] options = [.. one.EnumerateArray()];
            if (options.Length < 2) return Any(schema, "oneOf");
            if (OneOf(options, _merge.Without(schema, "oneOf") ?? AnyValue) is { } alone)
                return alone.ConvertAll(s => (s, true));
            Unenforced(schema, "oneOf", "of options that cannot be told apart");
            return Any(schema, "oneOf");
        }

        if (Conditional(schema) is { } cases) return cases.ConvertAll(s => (s, true));
        if (List(schema, "allOf") is { } all)
            return [(all.EnumerateArray().Aggregate(_merge.Without(schema, "allOf") ?? AnyValue, Part), true)];
        return CompletionRequestReader.Child(schema, "not") is { } not && !IsOfLanguage(schema, not)
            ? [(Negated(schema, not), true)] : null;

        JsonElement Part(JsonElement whole, JsonElement part) => Within(whole, part);
    }

    /// <summary>The options of a schema's union, each with what else it says.</summary>
    private List<(JsonElement Schema, bool IsMade)> Any(JsonElement schema, string keyword)
    {
        JsonElement[] options = [.. List(schema, keyword)!.Value.EnumerateArray()];
        return _merge.Without(schema, keyword) is { } beside
            ? [.. Options(options, keyword, beside).Select(s => (s, true))] : [.. options.Select(o => (o, false))];
    }

    /// <summary>Whether <see cref="Apart"/> tells options from one another.</summary>
    private static bool IsOneOf(JsonElement schema) => CompletionRequestReader.Child(schema, "oneOf") is not null
        && !References.Append("anyOf").Any(keyword => CompletionRequestReader.Child(schema, keyword) is not null);

    /// <summary>
    /// Schemas of which one holds where a schema says what depends on what; null where it does not, or where it would
    /// take too many.
    /// </summary>
    private List<JsonElement>? Conditional(JsonElement schema)
    {
        if (CompletionRequestReader.Child(schema, "if") is { } condition)
        {
            var beside = _merge.Without(schema, "if", "then", "else") ?? AnyValue;
            if (SchemaMerge.IsFree(Branch("then")) && SchemaMerge.IsFree(Branch("else")) && !IsPending(schema))
                return [beside];
            if (!Splits())
            {
                Unenforced(schema, "if", "beside so many other conditions");
                return [beside];
            }

            List<JsonElement> options = [Within(Within(beside, condition), Branch("then"))];
            if (_merge.Not(condition, Resolve) is { } others)
                options.Add(Within(Within(beside, others), Branch("else")));
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
            if (!Splits())
            {
                Unenforced(schema, keyword, "beside so many other conditions");
                return [rest];
            }

            var left = SchemaMerge.Named(dependents);
            left.Remove(first.Name);
            if (left.Count > 0) rest = Both(rest, _merge.Of(new() { [keyword] = _merge.Of(left) }));
            var name = JsonElement.Parse(RequestJson.Compact(first.Name));
            var present = Within(Both(rest, _merge.Required([name])), first.Value.ValueKind == JsonValueKind.Array
                ? _merge.Required(first.Value.EnumerateArray()) : first.Value);
            return [.. new[] { present, Within(rest, _merge.Lacking(name)) }.Where(o => !IsDead(o))];
        }

        return null;

        JsonElement Branch(string name) => CompletionRequestReader.Child(schema, name) ?? AnyValue;
    }

    /// <summary>
    /// What is an instance of one of a schema's options and of no other; null where that cannot be said of all of them.
    /// </summary>
    private List<JsonElement>? OneOf(JsonElement[] options, JsonElement beside)
    {
        if (options.Length > MostCompared) return null;
        // An option that has no type has instances of all, but is written as what it speaks of.
        SeenOption[] seen = [.. options.Select(option => new SeenOption(this, option, beside, isWritten: true))];
        SeenOption[] whole = [.. options.Select((option, i) => seen[i].Spoken is null ? seen[i]
            : new SeenOption(this, option, beside, isWritten: false))];
        var none = new Lazy<JsonElement?>[options.Length];
        for (var i = 0; i < options.Length; i++)
        {
            var its = Referred(options[i]);
            none[i] = new(() => IsSaid(its) ? _merge.Not(its, Resolve) : null);
        }

        var alone = new List<JsonElement>();
        for (var i = 0; i < options.Length; i++)
        {
            var one = Within(beside, options[i]);
            if (seen[i].Spoken is { } type) one = Both(one, type);
            int[] others = [.. Enumerable.Range(0, options.Length).Where(j => j != i && !seen[i].IsApart(whole[j]))];
            // A strict schema may leave out what has not the property that tells which of them it is.
            var telling = Strict && others.Length > 0 ? seen[i].Telling([.. others.Select(j => seen[j])]) : null;
            if ((!IsBrief || telling is null) && Others(one, others) is { } its) alone.Add(its);
            else if (telling is not null)
                alone.Add(Both(one, _merge.Required([JsonElement.Parse(RequestJson.Compact(telling))])));
            else return null;
        }

        return alone.FindAll(o => !IsDead(o));

        JsonElement? Others(JsonElement one, int[] others)
        {
            var splitting = 0;
            if (IsBrief && !Strict && others.Length > 0) return null;
            foreach (var other in others)
            {
                if (none[other].Value is not { } not) return null;
                if (!IsOne(not) && (++splitting >= MostOptions || !Splits())) return null;
                one = Within(one, not);
            }

            return one;
        }

        // What a strict schema leaves out is less than what must not be written.
        bool IsSaid(JsonElement option) => Strict || _merge.IsExact(option, Resolve);
    }

    /// <summary>What a schema that is only a reference refers to; else itself.</summary>
    private JsonElement Referred(JsonElement schema)
    {
        for (var i = 0; i < MostReferences && schema.ValueKind == JsonValueKind.Object
            && CompletionRequestReader.Child(schema, "$ref") is { } reference
            && _merge.Without(schema, "$ref") is null; i++)
            schema = Resolve(reference);
        return schema;
    }

    /// <summary>
    /// Whether one more schema may be taken apart: each time, all that it stands beside is written once more.
    /// </summary>
    private bool Splits() => !IsPlain && _merges <= MostMerges / 2 && ++_splits <= MostSplits;

    /// <summary>Whether a schema of what is none of another one is not to be taken apart.</summary>
    private static bool IsOne(JsonElement not) => not.ValueKind != JsonValueKind.Object
        || !not.EnumerateObject().Any(k =>
            k.Name is "anyOf" or "oneOf" or "allOf" or "$ref" || k.Name == SchemaMarks.Some);

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
            Has(not, "string", "pattern", "minLength", "maxLength", "format"),
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
            "format" => keywords.Contains(k.Name) && k.Value.ValueKind == JsonValueKind.String
                && StringFormats.Pattern(k.Value.GetString()) is not null,
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
        {
            if (_merge.Not(one, Resolve) is { } others && (IsOne(others) || Splits())) beside = Within(beside, others);
            else Unenforced(schema, "not", "of what has no opposite that can be said");
        }

        return beside;
    }
}
