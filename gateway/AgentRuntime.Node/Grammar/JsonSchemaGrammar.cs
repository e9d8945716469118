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
/// them. What only narrows a value further is not enforced where no grammar says it (patterns that look behind or back,
/// long lengths beside a pattern, what is no instance of a schema that says more than most): whoever takes the value
/// validates it, unless the schema is strict, and refused for it.
/// One for a grammar.
/// </summary>
internal sealed partial class JsonSchemaGrammar
{
    private const int MostRules = 2000;
    private const int MostDepth = 64;

    /// <summary>Items or characters that are counted: no context holds an answer that long.</summary>
    private const int MostRepeats = GbnfReader.MostTimes;

    /// <summary>Schemas that may be made of others; each costs up to what the whole schema has.</summary>
    private const int MostMerges = 600;

    /// <summary>Schemas that are taken apart into several; what is beyond is not enforced.</summary>
    private const int MostSplits = 40;

    /// <summary>States of machines in all.</summary>
    private const int MostStates = 6000;

    private static readonly JsonElement AnyObject = JsonElement.Parse("""{"type":"object"}""");
    private static readonly JsonElement AnyArray = JsonElement.Parse("""{"type":"array"}""");
    private static readonly JsonElement AnyValue = JsonElement.Parse("true");

    private static readonly (string Type, string[] Keywords)[] Speaking =
    [
        ("object", ["properties", "required", "additionalProperties", "patternProperties", "minProperties",
            "maxProperties", "propertyNames"]),
        ("array", ["items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"]),
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
    private bool _isTooMuch;
    private readonly RegularExpressions _expressions = new();
    private readonly Dictionary<(int Language, string End), string?> _machines = [];
    private readonly Dictionary<string, string> _bodies = new(StringComparer.Ordinal);

    private readonly Lazy<Dictionary<string, JsonElement>> _named;

    /// <summary>Names that several schemas have: which one is meant, depends on where it is referred to from.</summary>
    private readonly HashSet<string> _unclear = new(StringComparer.Ordinal);

    private JsonSchemaGrammar(JsonElement root, SchemaMerge merge)
    {
        (_root, _merge) = (root, merge);
        _named = new(() =>
        {
            var named = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            AddNamed(root, named, _unclear, 0);
            return named;
        });
    }

    /// <summary>Adds rules for a schema and returns the rule's name and all rules' text.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="prefix">Begins the names of its rules, so that several schemas fit in one grammar.</param>
    /// <param name="merge">Merges its schemas: the same for all schemas of a request.</param>
    /// <param name="isObject">Whether only objects are wanted, whatever the schema says.</param>
    /// <param name="strict">
    /// What the schema is called where all of it must be enforced; null where what cannot be is left out.
    /// </param>
    /// <exception cref="RuntimeErrorException">
    /// AR1004: it is no schema. AR1010: it uses something that cannot be enforced, or nothing satisfies it.
    /// </exception>
    public static (string Rule, string Rules) Translate(
        JsonElement schema, string prefix, SchemaMerge merge, bool isObject = false, string? strict = null)
    {
        var grammar = new JsonSchemaGrammar(schema, merge) { Prefix = prefix, StrictName = strict };
        try
        {
            return grammar.Written(isObject);
        }
        catch (RuntimeErrorException) when (grammar._isTooMuch)
        {
            grammar = new(schema, merge) { Prefix = prefix, StrictName = strict, IsBrief = true };
        }

        try
        {
            return grammar.Written(isObject);
        }
        catch (RuntimeErrorException) when (grammar._isTooMuch && strict is null)
        {
            return new JsonSchemaGrammar(schema, merge) { Prefix = prefix, IsPlain = true }.Written(isObject);
        }
    }

    private (string Rule, string Rules) Written(bool isObject)
    {
        var rule = Value(isObject ? Both(_root, AnyObject) : _root, 0) ?? throw Unsatisfiable("types or values");
        return (rule, _rules.ToString());
    }

    /// <summary>
    /// Whether options are told apart by what they have, and not by what others have not, since that would be too much.
    /// </summary>
    private bool IsBrief { get; init; }

    /// <summary>Whether nothing is taken apart that can be left out, since all would be too much.</summary>
    private bool IsPlain { get; init; }

    private string Prefix { get; init; } = "";

    private string? StrictName { get; init; }

    private bool Strict => StrictName is not null;

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
    /// <param name="schema">The schema.</param>
    /// <param name="depth">How deep within others it is.</param>
    /// <param name="isMade">Whether it was made of others: then nobody wrote it to be satisfied.</param>
    private string? Value(JsonElement schema, int depth, bool isMade = false)
    {
        if (depth > MostDepth) throw Unsupported($"more than {MostDepth} levels");
        if (schema.ValueKind == JsonValueKind.True) return "value";
        if (schema.ValueKind == JsonValueKind.False) return null;
        if (schema.ValueKind != JsonValueKind.Object) throw NoSchema();
        // Schemas that were merged may have no type in common.
        if (CompletionRequestReader.Child(schema, "type") is { ValueKind: JsonValueKind.Array } types
            && types.GetArrayLength() == 0) return null;
        foreach (var keyword in References)
            if (CompletionRequestReader.Child(schema, keyword) is { } reference
                && _merge.Without(schema, keyword) is null) return Reference(reference, keyword, depth);
        if (IsPending(schema)) return Alternatives(Evaluated(schema).Select(s => Merged(s, depth)));
        if (Apart(schema) is { } cases)
        {
            var union = Union(cases, depth);
            if (union is not null || !IsOneOf(schema) || (isMade && Strict)) return union;
            // Then any of them, as was meant.
            Unenforced(schema, "oneOf", "where nothing is an instance of one alone");
            return Union(Any(schema, "oneOf"), depth);
        }

        if (schema.TryGetProperty("const", out var constant)) return Literals(schema, [constant], depth);
        if (List(schema, "enum") is { } values) return Literals(schema, values.EnumerateArray(), depth);
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

    private string? Reference(JsonElement reference, string keyword, int depth) =>
        Once(keyword + Name(reference, keyword), () => Resolve(reference, keyword), depth);

    /// <summary>The rule of a schema that was made of others, by what it says: it may be within itself.</summary>
    private string? Merged(JsonElement schema, int depth) => schema.ValueKind == JsonValueKind.Object
        ? Once(schema.GetRawText(), () => schema, depth, isMade: true) : Value(schema, depth + 1);

    private string? Once(string key, Func<JsonElement> schema, int depth, bool isMade = false)
    {
        if (_known.TryGetValue(key, out var known)) return known;
        // The name is known before the rule is: a schema may refer to itself.
        string? rule = NewName();
        _known.Add(key, rule);
        if (Value(schema(), depth + 1, isMade) is { } body) Define(rule, body);
        else _known[key] = rule = null;
        return rule;
    }

    private JsonElement Resolve(JsonElement reference) => Resolve(reference, "$ref");

    private JsonElement Resolve(JsonElement reference, string keyword)
    {
        var path = Name(reference, keyword);
        if (keyword == "$dynamicRef" && _named.Value.ContainsKey(path) && _unclear.Contains(path))
        {
            Unenforced(AnyValue, keyword, "where several schemas have its name");
            return AnyValue;
        }

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
    private static void AddNamed(
        JsonElement within, Dictionary<string, JsonElement> named, HashSet<string> unclear, int depth)
    {
        if (depth > 2 * MostDepth) return;
        if (within.ValueKind == JsonValueKind.Array)
            foreach (var item in within.EnumerateArray()) AddNamed(item, named, unclear, depth + 1);
        if (within.ValueKind != JsonValueKind.Object) return;
        foreach (var property in within.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
            {
                AddNamed(property.Value, named, unclear, depth + 1);
                continue;
            }

            var name = property.Value.GetString()!;
            if (property.Name is "$id" or "id") named.TryAdd(name, within);
            else if (property.Name is "$anchor" or "$dynamicAnchor" && !named.TryAdd("#" + name, within))
                unclear.Add("#" + name);
        }
    }

    private JsonElement Both(JsonElement left, JsonElement right) =>
        ++_merges > MostMerges ? throw TooMuch("too many schemas that all hold") : _merge.Both(left, right);

    private RuntimeErrorException TooMuch(string what)
    {
        _isTooMuch = true;
        return Unsupported(what);
    }

    /// <summary>Bounds of a length.</summary>
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

    private string? Union(List<(JsonElement Schema, bool IsMade)> cases, int depth) =>
        Alternatives(cases.Select(c => c.IsMade ? Merged(c.Schema, depth) : Value(c.Schema, depth + 1)));

    private string? Alternatives(IEnumerable<string?> options)
    {
        var distinct = options.OfType<string>().Distinct().ToArray();
        return distinct.Length switch
        {
            0 => null,
            1 => distinct[0],
            _ => Rule(string.Join(" | ", distinct)),
        };
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
        if (++_count > MostRules) throw TooMuch("too many parts");
        return string.Create(CultureInfo.InvariantCulture, $"{Prefix}r{_count}");
    }

    private void Define(string name, string body)
    {
        _rules.Append(name).Append(" ::= ").Append(body).Append('\n');
        CheckLength();
    }

    private void CheckLength()
    {
        if (_rules.Length > GbnfReader.MostCharacters) throw TooMuch("parts that are too long");
    }
}
