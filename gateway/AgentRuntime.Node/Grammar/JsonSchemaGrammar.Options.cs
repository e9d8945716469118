using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Which options of a schema have nothing in common.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>
    /// Levels of schemas within options that are looked at; for formats, which may assert nothing, only the first.
    /// </summary>
    private const int MostSeen = 6;

    /// <summary>Languages of texts that are compared, and the states of what two have in common.</summary>
    private const int MostTextsCompared = 200;

    private const int MostCommonStates = 200;

    private static readonly string[] Made =
        ["anyOf", "oneOf", "not", "if", "$dynamicRef", "$recursiveRef"];

    private static readonly string[] OfText = ["pattern", "format", "minLength", "maxLength", "const", "enum"];

    /// <summary>Expressions of what is compared: they take nothing from what is written.</summary>
    private readonly RegularExpressions _compared = new();

    /// <summary>Schemas of which it is seen what they are made of: one may be within others many times.</summary>
    private const int MostParts = 5000;

    private int _textsCompared;
    private int _partsSeen;

    /// <summary>What is seen of a schema at a glance; it is looked at once for all that it is compared with.</summary>
    private sealed class SeenOption
    {
        private readonly JsonSchemaGrammar _grammar;
        private readonly int _depth;
        private readonly JsonElement _schema;
        private readonly HashSet<string> _types;
        private readonly HashSet<string>? _constants;
        private readonly HashSet<string> _required = [];
        private readonly Dictionary<string, JsonElement> _properties = [];
        private readonly Dictionary<string, SeenOption> _seen = new(StringComparer.Ordinal);
        private readonly Lazy<(SeenOption[] All, SeenOption[][] Any)> _parts;
        private readonly Lazy<int?> _texts;
        private readonly bool _isSeen;

        /// <param name="grammar">The grammar.</param>
        /// <param name="option">The schema.</param>
        /// <param name="beside">What holds in its place too.</param>
        /// <param name="isWritten">Whether only what is written of it counts, and not all its instances.</param>
        public SeenOption(JsonSchemaGrammar grammar, JsonElement option, JsonElement beside, bool isWritten)
            : this(grammar, option, 0)
        {
            if (!_isSeen) return;
            if (beside.ValueKind == JsonValueKind.Object) _required.UnionWith(RequiredNames(beside));
            var held = new SeenOption(grammar, beside, 0);
            var outer = held.Meant();
            _types.UnionWith(Meant());
            if (_types.Count == 0 && outer.Count == 0 && isWritten && SpokenOf(held) is { } its)
            {
                _types.Add(its);
                Spoken = grammar._merge.Of(new() { ["type"] = JsonElement.Parse($"\"{its}\"") });
            }
            else if (_types.Count == 0) _types.UnionWith(outer);
            else if (outer.Count > 0) _types.IntersectWith(outer);
        }

        private SeenOption(JsonSchemaGrammar grammar, JsonElement schema, int depth)
        {
            (_grammar, _depth, _schema) = (grammar, depth, grammar.Referred(schema));
            _types = Types(_schema);
            _parts = new(Parts);
            _texts = new(Texts);
            if (!(_isSeen = _schema.ValueKind == JsonValueKind.Object)) return;
            _constants = Constants(_schema);
            if (CompletionRequestReader.Child(_schema, "properties") is { ValueKind: JsonValueKind.Object } its)
                _properties = SchemaMerge.Named(its);
            _required = RequiredNames(_schema).ToHashSet(StringComparer.Ordinal);
        }

        /// <summary>Values of the type of which it is written; null where it says its types, or any will do.</summary>
        public JsonElement? Spoken { get; }

        /// <summary>Its types, by itself or by the schemas of which it is made; none where nothing says them.</summary>
        private HashSet<string> Meant()
        {
            if (_types.Count > 0) return _types;
            HashSet<string> types = [];
            foreach (var part in _parts.Value.All)
            {
                var its = part.Meant();
                if (types.Count == 0) types.UnionWith(its);
                else if (its.Count > 0) types.IntersectWith(its);
            }

            return types;
        }

        /// <summary>
        /// The type of which is written what has none, as what else holds in its place; null where it takes more than a
        /// glance to tell.
        /// </summary>
        private string? SpokenOf(SeenOption beside)
        {
            JsonElement[] all = [.. Held(), .. beside.Held()];
            if (System.Array.Exists(all, s => Made.Any(k => Has(s, k)))) return null;
            foreach (var (type, keywords) in Speaking)
                if (System.Array.Exists(all, s => keywords.Any(k => Has(s, k))))
                    return type;
            return null;

            static bool Has(JsonElement schema, string keyword) => schema.ValueKind == JsonValueKind.Object
                && CompletionRequestReader.Child(schema, keyword) is not null
                && (keyword != "format" || Patterns(schema).Any());
        }

        private IEnumerable<JsonElement> Held() => _parts.Value.All.SelectMany(p => p.Held()).Prepend(_schema);

        /// <summary>Whether it clearly has no instance in common with another one.</summary>
        public bool IsApart(SeenOption other)
        {
            if (IsNone || other.IsNone) return true;
            if (!_isSeen || !other._isSeen) return false;
            if (_types.Count > 0 && other._types.Count > 0 && !_types.Overlaps(other._types)) return true;
            if (_constants is { } values && other._constants is { } theirs && !values.Overlaps(theirs)) return true;
            return (IsOnly(other, "object") && (Lacks(other) || other.Lacks(this)))
                || (IsOnly(other, "string") && HasOtherTexts(other))
                || (IsOnly(other, "number") && (IsBelow(other) || other.IsBelow(this)))
                || (IsOnly(other, "array") && (Counts("Items", other) || FirstIsApart(other)))
                || HasPartApart(other) || other.HasPartApart(this);
        }

        /// <summary>A property by which it is apart from others, should it be there; null for none.</summary>
        public string? Telling(SeenOption[] others) => !_types.SetEquals(["object"]) ? null
            : _properties.Keys.FirstOrDefault(name => System.Array.TrueForAll(others, o =>
                o._properties.ContainsKey(name) && Property(name).IsApart(o.Property(name))));

        private bool IsNone => _schema.ValueKind == JsonValueKind.False;

        private static HashSet<string> Types(JsonElement schema)
        {
            if (schema.ValueKind != JsonValueKind.Object) return [];
            HashSet<string> types = [.. Entries(schema, "type").Where(t => t.ValueKind == JsonValueKind.String)
                .Select(t => t.ValueEquals("integer") ? "number" : t.GetString()!)];
            if (types.Count > 0 || Listed(schema) is not { } values) return types;
            return [.. values.Select(v => v.ValueKind switch
            {
                JsonValueKind.True or JsonValueKind.False => "boolean",
                var kind => kind.ToString().ToLowerInvariant(),
            })];
        }

        /// <summary>Whether only values of a type can be of both.</summary>
        private bool IsOnly(SeenOption other, string type) => (_types.Count == 1 && _types.Contains(type))
            || (other._types.Count == 1 && other._types.Contains(type));

        /// <summary>Whether it has a property that another one has not, or has only of other values.</summary>
        private bool Lacks(SeenOption other) => Counts("Properties", other) || other._required.Any(name =>
            _properties.TryGetValue(name, out var its)
                ? its.ValueKind == JsonValueKind.False
                    || (other._properties.ContainsKey(name) && Property(name).IsApart(other.Property(name)))
                : CompletionRequestReader.Child(_schema, "additionalProperties") is { ValueKind: JsonValueKind.False }
                    && CompletionRequestReader.Child(_schema, "patternProperties") is null);

        private bool Counts(string what, SeenOption other)
        {
            var (least, most) = Bounds(_schema, $"min{what}", $"max{what}");
            var (theirLeast, theirMost) = Bounds(other._schema, $"min{what}", $"max{what}");
            return least > theirMost || theirLeast > most;
        }

        private bool FirstIsApart(SeenOption other) => _depth < MostSeen
            && (HasFirst || other.HasFirst) && First().IsApart(other.First());

        private bool HasFirst => Bounds(_schema, "minItems", "maxItems").Least > 0;

        private SeenOption First()
        {
            var (first, others) = Items(_schema);
            return new(_grammar, first.Count > 0 ? first[0] : others, _depth + 1);
        }

        private SeenOption Property(string name) => _depth >= MostSeen ? new(_grammar, AnyValue, _depth)
            : _seen.TryGetValue(name, out var seen) ? seen
            : _seen[name] = new(_grammar, _properties[name], _depth + 1);

        /// <summary>Whether all of its numbers are less than those of another one.</summary>
        private bool IsBelow(SeenOption other)
        {
            if (!HasNumber(_schema, "imum") || !HasNumber(other._schema, "imum")) return false;
            var (most, isBelow) = _grammar.Bound(_schema, "maximum", "exclusiveMaximum", (a, b) => a < b);
            var (least, isAbove) = _grammar.Bound(other._schema, "minimum", "exclusiveMinimum", (a, b) => a > b);
            return most < least || (most == least && (isBelow || isAbove));

            static bool HasNumber(JsonElement schema, string end) =>
                schema.EnumerateObject().Any(k => k.Name.EndsWith(end, StringComparison.Ordinal));
        }

        private bool HasOtherTexts(SeenOption other)
        {
            if (_texts.Value is not { } ours || other._texts.Value is not { } theirs) return false;
            if (++_grammar._textsCompared > MostTextsCompared) return false;
            var all = _grammar._compared;
            return Try(() => RegularMachine.Of(all, all.And(ours, theirs), MostCommonStates) is null ? 1 : 0) == 1;
        }

        /// <summary>Its texts; null where it says nothing of them.</summary>
        private int? Texts()
        {
            var said = _schema.EnumerateObject().Where(k => OfText.Contains(k.Name)
                    && (_depth == 0 || k.Name != "format") && k.Value.ValueKind != JsonValueKind.Null)
                .ToDictionary(k => k.Name, k => k.Value);
            if (said.Count == 0 || Patterns(_schema).Any(p => _grammar.Read(p) is null)) return null;
            return Try(() => _grammar.Texts(_grammar._compared, _grammar._merge.Of(said)));
        }

        /// <summary>Whether a schema that it is made of has nothing in common with another one.</summary>
        private bool HasPartApart(SeenOption other) => _parts.Value is var (all, any)
            && (all.Any(part => part.IsApart(other)) || any.Any(options => options.All(o => o.IsApart(other))));

        /// <summary>The schemas that all hold, and those of which one holds.</summary>
        private (SeenOption[] All, SeenOption[][] Any) Parts()
        {
            if (_depth >= MostSeen || ++_grammar._partsSeen > MostParts) return ([], []);
            return ([.. Seen("allOf"), .. Seen("$ref", r => _grammar.Resolve(r))],
                [.. new[] { Seen("anyOf"), Seen("oneOf") }.Where(o => o.Length > 0)]);

            SeenOption[] Seen(string keyword, Func<JsonElement, JsonElement>? of = null) =>
            [
                .. Entries(_schema, keyword).Select(s => new SeenOption(_grammar, of is null ? s : of(s), _depth + 1)),
            ];
        }
    }
}
