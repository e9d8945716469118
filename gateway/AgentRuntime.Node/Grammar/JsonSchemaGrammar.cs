using System.Globalization;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Translates JSON Schema (2020-12, the part that describes tool arguments and structured answers) into llama.cpp's
/// GBNF (llama.cpp: grammars/README.md), so that what a model writes is always an instance. Properties come in the
/// schema's order, then those that are only required, then others, which are written only where the schema speaks of
/// them. What only narrows a value further is not enforced where no grammar says it (<c>contains</c>,
/// <c>uniqueItems</c> of more than a few listed values, patterns that look behind or back, lengths beyond 10,000 or
/// beside a pattern 256, what is no instance of a schema that says more than most): whoever takes the value validates
/// it. One for a grammar.
/// </summary>
internal sealed partial class JsonSchemaGrammar
{
    private const int MostRules = 2000;
    private const int MostDepth = 64;
    private const int MostRepeats = 10_000;

    /// <summary>Schemas that may be made of others; each costs up to what the whole schema has.</summary>
    private const int MostMerges = 600;

    /// <summary>Schemas that are taken apart into several; what is beyond is not enforced.</summary>
    private const int MostSplits = 40;

    /// <summary>States of machines in all.</summary>
    private const int MostStates = 6000;

    private static readonly JsonElement AnyObject = JsonElement.Parse("""{"type":"object"}""");
    private static readonly JsonElement AnyValue = JsonElement.Parse("true");

    private static readonly (string Type, string[] Keywords)[] Speaking =
    [
        ("object", ["properties", "required", "additionalProperties", "patternProperties", "minProperties",
            "maxProperties", "propertyNames"]),
        ("array", ["items", "prefixItems", "minItems", "maxItems"]),
        ("string", ["pattern", "format", "minLength", "maxLength"]),
        ("number", ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"]),
    ];

    private readonly StringBuilder _rules = new();
    private readonly Dictionary<string, string?> _known = new(StringComparer.Ordinal);
    private readonly JsonElement _root;
    private readonly SchemaMerge _merge;
    private int _count;
    private int _merges;
    private int _splits;
    private int _states;
    private readonly RegularExpressions _expressions = new();
    private readonly Dictionary<(int Language, string End), string?> _machines = [];
    private readonly Dictionary<string, string> _bodies = new(StringComparer.Ordinal);

    private readonly Lazy<Dictionary<string, JsonElement>> _named;

    private JsonSchemaGrammar(JsonElement root, SchemaMerge merge)
    {
        (_root, _merge) = (root, merge);
        _named = new(() =>
        {
            var named = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            AddNamed(root, named, 0);
            return named;
        });
    }

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
        // Schemas that were merged may have no type in common.
        if (CompletionRequestReader.Child(schema, "type") is { ValueKind: JsonValueKind.Array } types
            && types.GetArrayLength() == 0) return null;
        if (CompletionRequestReader.Child(schema, "$ref") is { } reference)
        {
            return _merge.Without(schema, "$ref") is { } beside
                ? Merged(Both(Resolve(reference), beside), depth)
                : Reference(reference, depth);
        }

        // Before allOf, in which unions are that stand beside another one.
        foreach (var keyword in (string[])["anyOf", "oneOf"])
        {
            if (List(schema, keyword) is not { } any) continue;
            var beside = _merge.Without(schema, keyword);
            JsonElement[] options = [.. any.EnumerateArray()];
            return (keyword == "oneOf" ? OneOf(options, beside, depth) : null)
                ?? Alternatives(options.Select(option => Beside(option, beside, depth)));
        }

        if (Conditional(schema) is { } cases) return Alternatives(cases.Select(s => Merged(s, depth)));
        if (List(schema, "allOf") is { } all)
        {
            var both = _merge.Without(schema, "allOf") ?? AnyValue;
            foreach (var one in all.EnumerateArray()) both = Both(both, one);
            return Merged(both, depth);
        }

        if (CompletionRequestReader.Child(schema, "not") is { } not && !IsOfLanguage(schema, not))
            return Merged(Negated(schema, not), depth);

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
        foreach (var (type, keywords) in Speaking)
            foreach (var keyword in keywords)
                if (CompletionRequestReader.Child(schema, keyword) is not null)
                    return keyword != "format" || Patterns(schema).Any() ? type : "";
        return "";
    }

    private string? Reference(JsonElement reference, int depth)
    {
        var path = Name(reference, "$ref");
        return Once(path, () => Resolve(reference), depth);
    }

    /// <summary>The rule of a schema that was made of others, by what it says: it may be within itself.</summary>
    private string? Merged(JsonElement schema, int depth) => schema.ValueKind == JsonValueKind.Object
        ? Once(schema.GetRawText(), () => schema, depth) : Value(schema, depth + 1);

    private string? Once(string key, Func<JsonElement> schema, int depth)
    {
        if (_known.TryGetValue(key, out var known)) return known;
        // The name is known before the rule is: a schema may refer to itself.
        string? rule = NewName();
        _known.Add(key, rule);
        if (Value(schema(), depth + 1) is { } body) Define(rule, body);
        else _known[key] = rule = null;
        return rule;
    }

    private JsonElement Resolve(JsonElement reference)
    {
        var path = Name(reference, "$ref");
        if (!path.StartsWith('#')) throw Unsupported("a reference to another document");
        if (path.Length > 1 && path[1] != '/')
            return _named.Value.TryGetValue(path, out var named) ? named : throw Unsupported($"the reference {path}");
        var at = _root;
        foreach (var step in path[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.ValueKind != JsonValueKind.Object
                || !at.TryGetProperty(name, out at)) throw Unsupported($"the reference {path}");
        }

        return at;
    }

    /// <summary>
    /// Adds the schemas that have names of their own (<c>$anchor</c>, in earlier drafts <c>id</c>), as references have
    /// them.
    /// </summary>
    private static void AddNamed(JsonElement within, Dictionary<string, JsonElement> named, int depth)
    {
        if (depth > 2 * MostDepth) return;
        if (within.ValueKind == JsonValueKind.Array)
            foreach (var item in within.EnumerateArray()) AddNamed(item, named, depth + 1);
        if (within.ValueKind != JsonValueKind.Object) return;
        foreach (var property in within.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String) AddNamed(property.Value, named, depth + 1);
            else if (property.NameEquals("$anchor")) named.TryAdd("#" + property.Value.GetString(), within);
            else if (property.Name is "$id" or "id") named.TryAdd(property.Value.GetString()!, within);
        }
    }

    private JsonElement Both(JsonElement left, JsonElement right) =>
        ++_merges > MostMerges ? throw Unsupported("too many schemas that all hold") : _merge.Both(left, right);

    private string? Literals(JsonElement schema, IEnumerable<JsonElement> values)
    {
        string[] texts = [.. Fitting(schema, values)];
        if (texts.Length == 0) return null;
        var name = NewName();
        LiteralTree.Define(_rules, name, texts);
        CheckLength();
        return name;
    }

    /// <summary>Those of the values that a schema lists which are of all that it says, written.</summary>
    private IEnumerable<string> Fitting(JsonElement schema, IEnumerable<JsonElement> values) => values
        .Where(v => IsOfType(schema, v)).Where(Fitting(schema)).Select(v => RequestJson.Compact(v)).Distinct();

    private static bool IsOfType(JsonElement schema, JsonElement value)
    {
        string[] types = [.. Each(schema, "type")];
        if (types.Length == 0) return true;
        return types.Any(t => value.ValueKind switch
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

    /// <summary>Bounds of a length. A model stops long before longer ones, and the taker checks.</summary>
    private static (int Least, int? Most) Bounds(JsonElement schema, string leastName, string mostName)
    {
        var least = Math.Max(0, Number(schema, leastName) ?? 0);
        var most = Number(schema, mostName) ?? double.MaxValue;
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

    /// <summary>The entries of a list, or the one that stands in its place.</summary>
    private static JsonElement[] Entries(JsonElement schema, string name) =>
        CompletionRequestReader.Child(schema, name) is not { } value ? []
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];

    private static string Name(JsonElement value, string keyword) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } name
            ? name : throw NoSchema(keyword);

    private static string Repeat(int least, int? most) =>
        string.Create(CultureInfo.InvariantCulture, $"{{{least},{most}}}");

    private string? Alternatives(IEnumerable<string?> options)
    {
        var distinct = options.OfType<string>().Distinct().ToArray();
        return distinct.Length == 0 ? null : Rule(string.Join(" | ", distinct));
    }

    private string Rule(string body)
    {
        if (_bodies.TryGetValue(body, out var name)) return name;
        _bodies.Add(body, name = NewName());
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
        if (_rules.Length > GbnfReader.MostCharacters) throw Unsupported("parts that are too long");
    }
}
