using System.Globalization;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Translates JSON Schema (2020-12, the part that describes tool arguments and structured answers) into llama.cpp's
/// GBNF (llama.cpp: grammars/README.md), so that what a model writes is always an instance. Properties come in the
/// schema's order. Keywords that only narrow a value further (<c>pattern</c>, <c>format</c>, numeric bounds other than
/// a lower bound of 0 or 1) are not enforced; whoever takes the value validates it. One for a grammar.
/// </summary>
internal sealed class JsonSchemaGrammar
{
    private const int MostRules = 2000;
    private const int MostDepth = 32;
    private const int MostRepeats = 256;

    private readonly StringBuilder _rules = new();
    private readonly Dictionary<string, string> _references = new(StringComparer.Ordinal);
    private readonly JsonElement _root;
    private int _count;

    private JsonSchemaGrammar(JsonElement root) => _root = root;

    /// <summary>Adds rules for a schema and returns the rule's name and all rules' text.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="prefix">Begins the names of its rules, so that several schemas fit in one grammar.</param>
    /// <exception cref="RuntimeErrorException">AR1010: the schema uses something that cannot be enforced.</exception>
    public static (string Rule, string Rules) Translate(JsonElement schema, string prefix)
    {
        var grammar = new JsonSchemaGrammar(schema) { Prefix = prefix };
        var rule = grammar.Value(schema, 0);
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

    private static RuntimeErrorException Unsupported(string what) =>
        CompletionRequestReader.Unsupported($"a JSON schema uses {what}, which cannot be enforced", "json_schema");

    private string Value(JsonElement schema, int depth)
    {
        if (depth > MostDepth) throw Unsupported($"more than {MostDepth} levels");
        if (schema.ValueKind is JsonValueKind.True) return "value";
        if (schema.ValueKind != JsonValueKind.Object) throw Unsupported("a schema that is no object");
        if (schema.TryGetProperty("$ref", out var reference)) return Reference(reference, depth);
        if (schema.TryGetProperty("const", out var constant)) return Rule(Literal(Compact(constant)));
        if (schema.TryGetProperty("enum", out var values) && values.ValueKind == JsonValueKind.Array)
            return Rule(Alternatives(values.EnumerateArray().Select(v => Literal(Compact(v)))));
        foreach (var keyword in (string[])["anyOf", "oneOf"])
            if (schema.TryGetProperty(keyword, out var any) && any.ValueKind == JsonValueKind.Array)
                return Rule(Alternatives(any.EnumerateArray().Select(s => Value(s, depth + 1)).ToArray()));
        if (schema.TryGetProperty("allOf", out var all) && all.ValueKind == JsonValueKind.Array)
            return all.GetArrayLength() == 1 ? Value(all[0], depth + 1) : throw Unsupported("allOf of several");
        if (!schema.TryGetProperty("type", out var type))
            return schema.TryGetProperty("properties", out _) ? Object(schema, depth) : "value";
        return type.ValueKind switch
        {
            JsonValueKind.String => Typed(schema, type.GetString()!, depth),
            JsonValueKind.Array => Rule(Alternatives(
                type.EnumerateArray().Select(t => Typed(schema, t.GetString() ?? "", depth)).ToArray())),
            _ => throw Unsupported("a type that is no name"),
        };
    }

    private string Typed(JsonElement schema, string type, int depth) => type switch
    {
        "object" => Object(schema, depth),
        "array" => Array(schema, depth),
        "string" => String(schema),
        "integer" => Integer(schema),
        "number" => "number",
        "boolean" => "boolean",
        "null" => "null",
        _ => throw Unsupported($"the type '{type}'"),
    };

    private string Reference(JsonElement reference, int depth)
    {
        var path = reference.GetString() ?? "";
        if (_references.TryGetValue(path, out var known)) return known;
        if (!path.StartsWith('#')) throw Unsupported("a reference to another document");
        var at = _root;
        foreach (var step in path[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.ValueKind != JsonValueKind.Object
                || !at.TryGetProperty(name, out at)) throw Unsupported($"the reference {path}");
        }

        // The name is known before the rule is: a schema may refer to itself.
        var rule = NewName();
        _references.Add(path, rule);
        Define(rule, Value(at, depth + 1));
        return rule;
    }

    private string Object(JsonElement schema, int depth)
    {
        if (!schema.TryGetProperty("properties", out var properties) || !properties.EnumerateObject().Any())
        {
            var closed = schema.TryGetProperty("additionalProperties", out var more)
                && more.ValueKind == JsonValueKind.False;
            return closed ? Rule("\"{\" ws \"}\"") : "object";
        }

        var required = schema.TryGetProperty("required", out var names) && names.ValueKind == JsonValueKind.Array
            ? names.EnumerateArray().Select(n => n.GetString()).ToHashSet(StringComparer.Ordinal)
            : [];
        var members = properties.EnumerateObject().Select(p => (
            Rule: Rule($"{Literal(Compact(p.Name))} ws \":\" ws {Value(p.Value, depth + 1)}"),
            Required: required.Contains(p.Name))).ToArray();
        return Rule($"\"{{\" ws {Members(members)} ws \"}}\"");
    }

    /// <summary>Members in order, of which those that are not required may be left out, with commas between.</summary>
    private string Members((string Rule, bool Required)[] members)
    {
        // after[i]: what may follow when something was written before member i.
        var after = new string[members.Length + 1];
        after[members.Length] = "\"\"";
        for (var i = members.Length - 1; i >= 0; i--)
        {
            var (rule, required) = members[i];
            var written = $"ws \",\" ws {rule} {after[i + 1]}";
            after[i] = Rule(required ? written : $"{written} | {after[i + 1]}");
        }

        // first[i]: what may come when nothing was written before member i.
        var first = "\"\"";
        for (var i = members.Length - 1; i >= 0; i--)
        {
            var (rule, required) = members[i];
            first = Rule(required ? $"{rule} {after[i + 1]}" : $"{rule} {after[i + 1]} | {first}");
        }

        return first;
    }

    private string Array(JsonElement schema, int depth)
    {
        var item = schema.TryGetProperty("items", out var items) ? Value(items, depth + 1) : "value";
        var least = Count(schema, "minItems") ?? 0;
        var most = Count(schema, "maxItems");
        if (most == 0) return Rule("\"[\" ws \"]\"");
        var rest = $"(ws \",\" ws {item}){Repeat(Math.Max(0, least - 1), most - 1)}";
        return Rule(least == 0 ? $"\"[\" ws ({item} {rest})? ws \"]\"" : $"\"[\" ws {item} {rest} ws \"]\"");
    }

    private string String(JsonElement schema)
    {
        var least = Count(schema, "minLength") ?? 0;
        var most = Count(schema, "maxLength");
        // Long bounds make slow grammars, and a model stops long before them; beyond this the taker checks.
        if (most > MostRepeats) most = null;
        return least == 0 && most is null
            ? "string"
            : Rule($"\"\\\"\" char{Repeat(Math.Min(least, MostRepeats), most)} \"\\\"\"");
    }

    private static string Integer(JsonElement schema)
    {
        var least = schema.TryGetProperty("minimum", out var minimum) && minimum.TryGetInt64(out var m) ? m
            : schema.TryGetProperty("exclusiveMinimum", out minimum) && minimum.TryGetInt64(out m) ? m + 1
            : long.MinValue;
        return least switch { >= 1 => "positive", 0 => "natural", _ => "integer" };
    }

    private static int? Count(JsonElement schema, string name) =>
        schema.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt32(out var n)
            ? Math.Max(0, n)
            : null;

    private static string Repeat(int least, int? most) =>
        string.Create(CultureInfo.InvariantCulture, $"{{{least},{most}}}");

    private static string Alternatives(IEnumerable<string> options) => string.Join(" | ", options);

    private static string Compact(JsonElement value) =>
        JsonSerializer.Serialize(value, RequestJson.Default.JsonElement);

    private static string Compact(string text) => $"\"{JsonEncodedText.Encode(text)}\"";

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

    private void Define(string name, string body) => _rules.Append(name).Append(" ::= ").Append(body).Append('\n');
}
