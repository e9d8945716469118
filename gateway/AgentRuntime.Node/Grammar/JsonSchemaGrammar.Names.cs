using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Names of properties that a schema does not list.</content>
internal sealed partial class JsonSchemaGrammar
{
    private const string AnyMember = "member";

    /// <summary>References from one to the next.</summary>
    private const int MostReferences = 8;

    /// <summary>Patterns of which a name may be several.</summary>
    private const int MostTogether = 4;

    /// <summary>What an object's schema says of properties elsewhere than in <c>properties</c>.</summary>
    private sealed class OtherProperties
    {
        private readonly JsonSchemaGrammar _grammar;
        private readonly JsonElement _schema;
        private readonly JsonElement _additional;
        private readonly JsonElement? _names;
        private readonly Dictionary<string, JsonElement> _patterns;

        public OtherProperties(JsonSchemaGrammar grammar, JsonElement schema)
        {
            (_grammar, _schema) = (grammar, schema);
            var additional = CompletionRequestReader.Child(schema, "additionalProperties");
            _additional = additional ?? AnyValue;
            var patterns = CompletionRequestReader.Child(schema, "patternProperties");
            if (patterns is { ValueKind: not JsonValueKind.Object }) throw NoSchema("patternProperties");
            _patterns = patterns is { } named ? SchemaMerge.Named(named) : [];
            if (_patterns.Count > SchemaMerge.MostPatterns) throw SchemaMerge.TooManyPatterns();
            _names = CompletionRequestReader.Child(schema, "propertyNames");
            for (var i = 0; i < MostReferences && _names is { } names; i++)
                if (CompletionRequestReader.Child(names, "$ref") is { } reference)
                    _names = grammar.Resolve(reference);
            if (_names is { } said && !IsOfTexts(said))
                grammar.Unenforced(schema, "propertyNames", "of what is made of other schemas");
            AreNamed = additional is not null || _patterns.Count > 0;
        }

        /// <summary>Whether all must differ, since it matters how many there are, or which one is the last.</summary>
        public bool AreDiffering { get; set; }

        /// <summary>Whether the schema speaks of them.</summary>
        public bool AreNamed { get; }

        /// <summary>What fits under a name that <c>properties</c> has, with what patterns say of it.</summary>
        public JsonElement Bind(string name, JsonElement schema) => _patterns
            .Where(p => !SchemaMerge.IsFree(p.Value) && _grammar._merge.MustMatch(p.Key, name))
            .Select(p => p.Value).Aggregate(schema, _grammar.Both);

        /// <summary>What fits under a name that <c>properties</c> has not.</summary>
        public JsonElement Of(string name)
        {
            var patterns = _patterns.Select(p => (p.Value, IsOf: _grammar._merge.Matches(p.Key, name))).ToArray();
            if (patterns.Any(p => p.IsOf is null)) return OfAny();
            var its = patterns.Where(p => p.IsOf is true).Select(p => p.Value).ToArray();
            return its.Length > 0 ? its.Aggregate(_grammar.Both) : _additional;
        }

        /// <summary>Whether a property may have a name at all.</summary>
        public bool MayBeNamed(string name)
        {
            if (_names is not { } names) return true;
            if (Try(() => _grammar.Texts(_grammar._expressions, names)) is { } texts)
                return _grammar.Is(name, texts, _schema, "propertyNames");
            _grammar.Unenforced(_schema, "propertyNames", "of so many texts");
            return true;
        }

        /// <summary>Whether a schema says of names only what <see cref="Texts"/> does.</summary>
        private static bool IsOfTexts(JsonElement schema) => schema.ValueKind != JsonValueKind.Object
            || schema.EnumerateObject().All(k => k.Name switch
            {
                "pattern" or "format" or "minLength" or "maxLength" or "const" or "enum" => true,
                "type" => k.Value.ValueKind == JsonValueKind.String && k.Value.ValueEquals("string"),
                "allOf" or "anyOf" => Entries(schema, k.Name).All(IsOfTexts),
                "not" => IsOfTexts(k.Value),
                _ => !SchemaMerge.IsEnforced(k.Name),
            });

        /// <summary>A member with a name that is not listed, as an expression; null for none.</summary>
        /// <param name="known">Names that are listed.</param>
        /// <param name="value">Makes the rule of a value.</param>
        /// <param name="such">What else its name and its value are, which is then made.</param>
        public string? Member(IEnumerable<string> known, Func<JsonElement, string?> value,
            List<(Func<RegularExpressions, int> Names, JsonElement Value)>? such = null)
        {
            such ??= [];
            string[] listed = [.. known];
            if (_names is { ValueKind: JsonValueKind.False }) return null;
            if (listed.Length == 0 && _patterns.Count == 0 && _names is null && such.Count == 0)
            {
                return value(_additional) is not { } any ? null
                    : any == "value" && !AreDiffering ? AnyMember : Written("string", any);
            }

            if (_patterns.Keys.Any(p => _grammar.Read(p) is null))
                return such.Count > 0 ? null : OfUnread(listed, value);
            List<string> options = [];
            foreach (var patterns in Together(such.Count > 0))
            {
                var isOk = Named(
                    e => e.And([.. patterns.Select(p => Pattern(e, p)), None(e, _patterns.Keys.Except(patterns))]),
                    patterns.Select(p => _patterns[p]).Aggregate(_grammar.Both));
                if (!isOk) return such.Count > 0 ? null : OfUnread(listed, value);
            }

            if (!Named(e => None(e, _patterns.Keys), _additional))
                return such.Count > 0 ? null : OfUnread(listed, value);
            return options.Count == 0 ? null : _grammar.Rule(string.Join(" | ", options));

            bool Named(Func<RegularExpressions, int> names, JsonElement schema)
            {
                if (schema.ValueKind == JsonValueKind.False) return true;
                var its = such.Count == 0 ? schema : _grammar._merge.AllOf([schema, .. such.Select(s => s.Value)]);
                if (value(its) is not { } written) return true;
                int Wanted(RegularExpressions e) => e.And(
                    [names(e), e.Not(e.Literals(listed)), Allowed(e), .. such.Select(s => s.Names(e))]);
                if (!_grammar.TryMachine(Wanted, out var name)) return false;
                if (name is not null) options.Add(Written(name, written));
                return true;
            }

            int Allowed(RegularExpressions e) =>
                _names is { } names ? _grammar.Texts(e, names) : RegularExpressions.All;
        }

        /// <summary>
        /// Of which patterns a name may be at once. Where an object must be told from others, all there are: it may
        /// have no other way. Else one at a time, which leaves names out, but needs no machine for each set of them.
        /// </summary>
        private IEnumerable<string[]> Together(bool isTold)
        {
            string[] patterns = [.. _patterns.Keys];
            if (!isTold || patterns.Length > MostTogether) return patterns.Select(p => new[] { p });
            return Enumerable.Range(1, (1 << patterns.Length) - 1)
                .Select(which => patterns.Where((_, i) => (which & (1 << i)) != 0).ToArray());
        }

        private string Written(string name, string value) =>
            $"{name}{(AreDiffering ? Differing : "")} ws \":\" ws {value}";

        private int None(RegularExpressions expressions, IEnumerable<string> patterns) =>
            expressions.Not(expressions.Or([.. patterns.Select(p => Pattern(expressions, p))]));

        private int Pattern(RegularExpressions expressions, string pattern) => _grammar.TextsOf(expressions, pattern);

        /// <summary>A member of any name, where names cannot be told: its value fits whatever the name is of.</summary>
        private string? OfUnread(string[] listed, Func<JsonElement, string?> value) =>
            listed.Length == 0 && value(OfAny()) is { } written ? Written("string", written) : null;

        /// <summary>
        /// What fits under any name: it may be of a pattern or of none, and what fits all of them fits, with the rest
        /// where there may be one.
        /// </summary>
        private JsonElement OfAny() => _patterns.Count > 0 && _additional.ValueKind == JsonValueKind.False
            ? _patterns.Values.Aggregate(_grammar.Both)
            : _patterns.Values.Aggregate(_additional, _grammar.Both);
    }
}
