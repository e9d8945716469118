using System.Globalization;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Translates JSON Schema (2020-12, the part that describes tool arguments and structured answers) into llama.cpp's
/// GBNF (llama.cpp: grammars/README.md), so that what a model writes is always an instance. Properties come in the
/// schema's order, those that are only required after them. Keywords that only narrow a value further are not enforced
/// where no grammar says them (<c>not</c>, <c>multipleOf</c>, <c>uniqueItems</c>, lengths beyond 10,000, patterns that
/// look around, a length beside a pattern): whoever takes the value validates it. One for a grammar.
/// </summary>
internal sealed partial class JsonSchemaGrammar
{
    private const int MostRules = 2000;
    private const int MostDepth = 32;
    private const int MostRepeats = 10_000;

    /// <summary>Schemas that may be made of others; each costs up to what the whole schema has.</summary>
    private const int MostMerges = 256;

    private static readonly JsonElement AnyObject = JsonElement.Parse("""{"type":"object"}""");
    private static readonly JsonElement AnyValue = JsonElement.Parse("true");

    private readonly StringBuilder _rules = new();
    private readonly Dictionary<string, string?> _references = new(StringComparer.Ordinal);
    private readonly JsonElement _root;
    private readonly SchemaMerge _merge;
    private int _count;
    private int _merges;

    private JsonSchemaGrammar(JsonElement root, SchemaMerge merge) => (_root, _merge) = (root, merge);

    /// <summary>Adds rules for a schema and returns the rule's name and all rules' text.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="prefix">Begins the names of its rules, so that several schemas fit in one grammar.</param>
    /// <param name="merge">Merges its schemas: the same for all schemas of a request.</param>
    /// <param name="isObject">Whether only objects are wanted, whatever the schema says.</param>
    /// <exception cref="RuntimeErrorException">
    /// AR1004: it is no schema. AR1010: it uses something that cannot be enforced, or nothing satisfies it.
    /// </exception>
    public static (string Rule, string Rules) Translate(
        JsonElement schema, string prefix, SchemaMerge merge, bool isObject = false)
    {
        var grammar = new JsonSchemaGrammar(schema, merge) { Prefix = prefix };
        var rule = grammar.Value(isObject ? grammar.Both(schema, AnyObject) : schema, 0)
            ?? throw Unsatisfiable("types or values");
        return (rule, grammar._rules.ToString());
    }

    private string Prefix { get; init; } = "";

    /// <summary>A text as a quoted terminal.</summary>
    public static string Literal(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ => c.ToString(),
            });
        }

        return quoted.Append('"').ToString();
    }

    public static RuntimeErrorException Unsupported(string what) =>
        CompletionRequestReader.Unsupported($"a JSON schema uses {what}, which cannot be enforced", "json_schema");

    public static RuntimeErrorException NoSchema(string? keyword = null) => CompletionRequestReader.Malformed(
        keyword is null ? "a JSON schema is no object" : $"{keyword} of a JSON schema is not what it must be",
        "json_schema");

    private static RuntimeErrorException Unsatisfiable(string what) =>
        CompletionRequestReader.Unsupported($"a JSON schema has {what} that nothing satisfies", "json_schema");

    /// <summary>The rule of a schema; null when nothing satisfies it, as may be among others of a union.</summary>
    private string? Value(JsonElement schema, int depth)
    {
        if (depth > MostDepth) throw Unsupported($"more than {MostDepth} levels");
        if (schema.ValueKind == JsonValueKind.True) return "value";
        if (schema.ValueKind == JsonValueKind.False) return null;
        if (schema.ValueKind != JsonValueKind.Object) throw NoSchema();
        if (CompletionRequestReader.Child(schema, "$ref") is { } reference)
        {
            return _merge.Without(schema, "$ref") is { } beside
                ? Value(Both(Resolve(reference), beside), depth + 1)
                : Reference(reference, depth);
        }

        // Before allOf, in which unions are that stand beside another one.
        foreach (var keyword in (string[])["anyOf", "oneOf"])
        {
            if (List(schema, keyword) is not { } any) continue;
            var beside = _merge.Without(schema, keyword);
            return Alternatives(any.EnumerateArray().Select(s =>
                Value(beside is null ? s : Both(beside.Value, s), depth + 1)));
        }

        if (List(schema, "allOf") is { } all)
        {
            var both = _merge.Without(schema, "allOf") ?? AnyValue;
            foreach (var one in all.EnumerateArray()) both = Both(both, one);
            return Value(both, depth + 1);
        }

        if (schema.TryGetProperty("const", out var constant)) return Literals(schema, [constant]);
        if (List(schema, "enum") is { } values) return Literals(schema, values.EnumerateArray());
        if (CompletionRequestReader.Child(schema, "type") is not { } type)
            return Typed(schema, TypeOf(schema), depth);
        return type.ValueKind == JsonValueKind.Array
            ? Alternatives(type.EnumerateArray().Select(t => Typed(schema, Name(t, "type"), depth)))
            : Typed(schema, Name(type, "type"), depth);
    }

    private string? Typed(JsonElement schema, string type, int depth) => type switch
    {
        "object" => Object(schema, depth),
        "array" => Array(schema, depth),
        "string" => String(schema),
        "integer" => Numbers(schema, isWhole: true),
        "number" => Numbers(schema, isWhole: false),
        "boolean" => "boolean",
        "null" => "null",
        "" => "value",
        _ => throw Unsupported($"the type '{type}'"),
    };

    /// <summary>The type of which a schema without one speaks; empty for none.</summary>
    private static string TypeOf(JsonElement schema)
    {
        foreach (var keyword in (string[])["properties", "required", "additionalProperties", "patternProperties"])
            if (CompletionRequestReader.Child(schema, keyword) is not null)
                return "object";
        foreach (var keyword in (string[])["items", "prefixItems"])
            if (CompletionRequestReader.Child(schema, keyword) is not null)
                return "array";
        return "";
    }

    private string? Reference(JsonElement reference, int depth)
    {
        var path = Name(reference, "$ref");
        if (_references.TryGetValue(path, out var known)) return known;
        var at = Resolve(reference);
        // The name is known before the rule is: a schema may refer to itself.
        string? rule = NewName();
        _references.Add(path, rule);
        if (Value(at, depth + 1) is { } body) Define(rule, body);
        else _references[path] = rule = null;
        return rule;
    }

    private JsonElement Resolve(JsonElement reference)
    {
        var path = Name(reference, "$ref");
        if (!path.StartsWith('#')) throw Unsupported("a reference to another document");
        var at = _root;
        foreach (var step in path[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.ValueKind != JsonValueKind.Object
                || !at.TryGetProperty(name, out at)) throw Unsupported($"the reference {path}");
        }

        return at;
    }

    private JsonElement Both(JsonElement left, JsonElement right) =>
        ++_merges > MostMerges ? throw Unsupported("too many parts") : _merge.Both(left, right);

    private string? Literals(JsonElement schema, IEnumerable<JsonElement> values)
    {
        string[] texts = [.. values.Where(v => IsOfType(schema, v)).Select(v => RequestJson.Compact(v))];
        if (texts.Length == 0) return null;
        var name = NewName();
        LiteralTree.Define(_rules, name, texts);
        CheckLength();
        return name;
    }

    private static bool IsOfType(JsonElement schema, JsonElement value)
    {
        if (CompletionRequestReader.Child(schema, "type") is not { } type) return true;
        var types = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : (JsonElement[])[type];
        return types.Any(t => value.ValueKind switch
        {
            JsonValueKind.Object => t.ValueEquals("object"),
            JsonValueKind.Array => t.ValueEquals("array"),
            JsonValueKind.String => t.ValueEquals("string"),
            JsonValueKind.Null => t.ValueEquals("null"),
            JsonValueKind.Number => t.ValueEquals("number")
                || (t.ValueEquals("integer") && Math.Floor(value.GetDouble()) == value.GetDouble()),
            _ => t.ValueEquals("boolean"),
        });
    }

    private string? Array(JsonElement schema, int depth)
    {
        var (least, most) = Bounds(schema, "minItems", "maxItems");
        var (schemas, rest) = Items(schema);
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

    private string String(JsonElement schema)
    {
        var (least, most) = Bounds(schema, "minLength", "maxLength");
        var pattern = Text(schema, "pattern") ?? StringFormats.Pattern(Text(schema, "format"));
        if (pattern is not null && PatternGrammar.OfString(pattern, least, most) is { } written) return Rule(written);
        return least == 0 && most is null ? "string" : Rule($"\"\\\"\" char{Repeat(least, most)} \"\\\"\"");
    }

    private string? Numbers(JsonElement schema, bool isWhole)
    {
        var (least, isAbove) = Bound(schema, "minimum", "exclusiveMinimum", (a, b) => a > b);
        var (most, isBelow) = Bound(schema, "maximum", "exclusiveMaximum", (a, b) => a < b);
        if (least is null && most is null) return isWhole ? "integer" : "number";
        var (from, to) = (least ?? decimal.MinValue, most ?? decimal.MaxValue);
        if (!isWhole) return NumberGrammar.Any(from, isAbove, to, isBelow) is { } any ? Rule(any) : null;
        if (isAbove) from = Math.Floor(from) + 1;
        if (isBelow) to = Math.Ceiling(to) - 1;
        return NumberGrammar.Whole(from, to) is { } whole ? Rule(whole) : null;
    }

    /// <summary>The tighter one of two bounds; null where there is none, or none that a decimal holds.</summary>
    private static (decimal? Bound, bool IsExclusive) Bound(
        JsonElement schema, string name, string exclusiveName, Func<decimal, decimal, bool> isTighter)
    {
        var (inclusive, exclusive) = (Decimal(schema, name), Decimal(schema, exclusiveName));
        return exclusive is { } e && (inclusive is not { } i || e == i || isTighter(e, i))
            ? (e, true) : (inclusive, false);
    }

    private static decimal? Decimal(JsonElement schema, string name) =>
        Number(schema, name) is null ? null
        : schema.GetProperty(name).TryGetDecimal(out var value) ? value : null;

    /// <summary>Bounds of a length. A model stops long before longer ones, and the taker checks.</summary>
    private static (int Least, int? Most) Bounds(JsonElement schema, string leastName, string mostName)
    {
        var least = Math.Max(0, Number(schema, leastName) ?? 0);
        var most = Number(schema, mostName) ?? double.MaxValue;
        if (most < least) throw Unsatisfiable($"bounds ({leastName} above {mostName})");
        return ((int)Math.Min(Math.Ceiling(least), MostRepeats), most > MostRepeats ? null : (int)most);
    }

    private static double? Number(JsonElement schema, string name) =>
        CompletionRequestReader.Child(schema, name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw NoSchema(name);

    private static string? Text(JsonElement schema, string name) =>
        CompletionRequestReader.Child(schema, name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString() : throw NoSchema(name);

    private static JsonElement? List(JsonElement schema, string name) =>
        CompletionRequestReader.Child(schema, name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array ? value : throw NoSchema(name);

    private static string Name(JsonElement value, string keyword) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } name
            ? name : throw NoSchema(keyword);

    private static string Repeat(int least, int? most)
    {
        if (most < least) throw Unsatisfiable("bounds");
        return string.Create(CultureInfo.InvariantCulture, $"{{{least},{most}}}");
    }

    private string? Alternatives(IEnumerable<string?> options)
    {
        var distinct = options.OfType<string>().Distinct().ToArray();
        return distinct.Length == 0 ? null : Rule(string.Join(" | ", distinct));
    }

    private string Rule(string body)
    {
        var name = NewName();
        Define(name, body);
        return name;
    }

    private string NewName()
    {
        if (++_count > MostRules) throw Unsupported("too many parts");
        return string.Create(CultureInfo.InvariantCulture, $"{Prefix}r{_count}");
    }

    private void Define(string name, string body)
    {
        _rules.Append(name).Append(" ::= ").Append(body).Append('\n');
        CheckLength();
    }

    private void CheckLength()
    {
        if (_rules.Length > GbnfReader.MostCharacters) throw Unsupported("too many parts");
    }
}
