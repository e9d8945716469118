using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Objects.</content>
internal sealed partial class JsonSchemaGrammar
{
    private string? Object(JsonElement schema, int depth)
    {
        List<(string Name, JsonElement? Schema)> all = [];
        if (CompletionRequestReader.Child(schema, "properties") is { } properties)
        {
            if (properties.ValueKind != JsonValueKind.Object) throw NoSchema("properties");
            all.AddRange(properties.EnumerateObject().DistinctBy(p => p.Name)
                .Select(p => (p.Name, (JsonElement?)p.Value)));
        }

        string[] names = List(schema, "required") is { } list
            ? [.. list.EnumerateArray().Select(n => Name(n, "required")).Distinct()] : [];
        all.AddRange(names.Except(all.Select(p => p.Name)).ToArray().Select(name => (name, (JsonElement?)null)));
        var required = names.ToHashSet(StringComparer.Ordinal);
        var others = new Others(this, schema);
        List<(string Member, bool Required)> members = [];
        foreach (var (name, property) in all)
        {
            var isRequired = required.Contains(name);
            var its = property is { } known ? others.Bind(name, known) : others.Of(name);
            if (Value(its, depth + 1) is { } written)
                members.Add(($"{Literal(RequestJson.Compact(name))} ws \":\" ws {written}", isRequired));
            else if (isRequired) return null;
        }

        if (members.Count > 0) return Rule($"\"{{\" ws {Members([.. members])} ws \"}}\"");
        // Properties that are named, and that nothing satisfies, could be written as others.
        if (all.Count > 0 || Value(others.OfAny, depth + 1) is not { } value) return Rule("\"{\" ws \"}\"");
        if (value == "value") return "object";
        var member = Rule($"string ws \":\" ws {value}");
        return Rule($"\"{{\" ws ({member} (ws \",\" ws {member})*)? ws \"}}\"");
    }

    /// <summary>
    /// Members in order, of which those that are not required may be left out, with commas between. The comma comes
    /// before the choice of the next one: as a part of each it would be followed once for each.
    /// </summary>
    private string Members((string Member, bool Required)[] members)
    {
        // What is written of a member and those behind it; whether one of them must be.
        string? next = null;
        var mustGoOn = false;
        foreach (var (member, required) in members.Reverse())
        {
            var after = next is null ? "\"\"" : Rule($"ws \",\" ws {next}{(mustGoOn ? "" : " | \"\"")}");
            next = Rule(required || next is null ? $"{member} {after}" : $"{member} {after} | {next}");
            mustGoOn |= required;
        }

        return mustGoOn ? next! : $"({next})?";
    }

    /// <summary>What an object's schema says of properties elsewhere than in <c>properties</c>.</summary>
    private sealed class Others
    {
        private readonly JsonSchemaGrammar _grammar;
        private readonly JsonElement _additional;
        private readonly Dictionary<string, JsonElement> _patterns;
        private readonly Lazy<JsonElement> _any;

        public Others(JsonSchemaGrammar grammar, JsonElement schema)
        {
            _grammar = grammar;
            _additional = CompletionRequestReader.Child(schema, "additionalProperties") ?? AnyValue;
            var patterns = CompletionRequestReader.Child(schema, "patternProperties");
            if (patterns is { ValueKind: not JsonValueKind.Object }) throw NoSchema("patternProperties");
            _patterns = patterns is { } named ? SchemaMerge.Named(named) : [];
            _any = new(() => _patterns.Count > 0 && _additional.ValueKind == JsonValueKind.False
                ? _patterns.Values.Aggregate(_grammar.Both)
                : _patterns.Values.Aggregate(_additional, _grammar.Both));
        }

        /// <summary>
        /// What fits under any name: it may be of a pattern or of none, and what fits all of them fits, with the rest
        /// where there may be one.
        /// </summary>
        public JsonElement OfAny => _any.Value;

        /// <summary>What fits under a name that <c>properties</c> has, with what patterns say of it.</summary>
        public JsonElement Bind(string name, JsonElement schema) => _patterns
            .Where(p => !SchemaMerge.IsFree(p.Value) && _grammar._merge.MustMatch(p.Key, name))
            .Select(p => p.Value).Aggregate(schema, _grammar.Both);

        /// <summary>What fits under a name that <c>properties</c> has not.</summary>
        public JsonElement Of(string name)
        {
            var patterns = _patterns.Select(p => (p.Value, IsOf: _grammar._merge.Matches(p.Key, name))).ToArray();
            if (patterns.Any(p => p.IsOf is null)) return OfAny;
            var its = patterns.Where(p => p.IsOf is true).Select(p => p.Value).ToArray();
            return its.Length > 0 ? its.Aggregate(_grammar.Both) : _additional;
        }
    }
}
