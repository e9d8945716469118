using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>
/// Objects that are none of another schema for one of their properties (<see cref="SchemaMarks.Some"/>).
/// </content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Schemas of which an object is none: what it has come to is told for each.</summary>
    private const int MostSome = 4;

    /// <summary>What unlisted properties may be, of all of those schemas.</summary>
    private const int MostUnlisted = 16;

    private List<Telling> Tellings(JsonElement schema)
    {
        JsonElement[] some = Entries(schema, SchemaMarks.Some);
        if (some.Length > MostSome || (IsPlain && some.Length > 0))
        {
            Unenforced(schema, "not", "of so many others");
            some = [];
        }

        return [.. some.Select(s => new Telling(this, s))];
    }

    /// <summary>The properties by which an object is none of a schema.</summary>
    private sealed class Telling
    {
        private readonly JsonSchemaGrammar _grammar;
        private readonly Dictionary<string, JsonElement> _properties;
        private readonly Dictionary<string, JsonElement> _patterns;
        private readonly JsonElement? _others;
        private readonly string[] _besides;
        private readonly string[] _besidesPatterns;

        public Telling(JsonSchemaGrammar grammar, JsonElement some)
        {
            _grammar = grammar;
            (_properties, _patterns) = (Named("properties"), Named("patternProperties"));
            _others = CompletionRequestReader.Child(some, "additionalProperties");
            (_besides, _besidesPatterns) = ([.. Each(some, "besides")], [.. Each(some, "besidesPatterns")]);
            Absent = Each(some, "required").ToHashSet(StringComparer.Ordinal);

            Dictionary<string, JsonElement> Named(string keyword) =>
                CompletionRequestReader.Child(some, keyword) is { } named ? SchemaMerge.Named(named) : [];
        }

        /// <summary>Names of properties of which it is told by one that is not there.</summary>
        public HashSet<string> Absent { get; }

        /// <summary>Names of which it speaks.</summary>
        public IEnumerable<string> Names => Absent.Concat(_properties.Keys);

        /// <summary>What a property must be to tell it; null where none does.</summary>
        public JsonElement? Of(string name)
        {
            List<JsonElement> any = [.. _patterns.Where(p => IsOf(p.Key, name)).Select(p => p.Value)];
            if (_properties.TryGetValue(name, out var its)) any.Add(its);
            if (_others is { } others && !_besides.Contains(name) && !_besidesPatterns.Any(p => IsOf(p, name)))
                any.Add(others);
            return any.Count switch { 0 => null, 1 => any[0], _ => _grammar._merge.AnyOf(any) };
        }

        /// <summary>The unlisted properties that tell it.</summary>
        public IEnumerable<(Func<RegularExpressions, int> Names, JsonElement Value)> Unlisted()
        {
            foreach (var (pattern, value) in _patterns) yield return (e => Language(e, pattern), value);
            if (_others is { } others)
            {
                yield return (e => e.Not(e.Or(
                    [e.Literals(_besides), .. _besidesPatterns.Select(p => Language(e, p))])), others);
            }
        }

        private bool IsOf(string pattern, string name) => _grammar._merge.MustMatch(pattern, name);

        private int Language(RegularExpressions expressions, string pattern) =>
            _grammar.TextsOf(expressions, pattern);
    }
}
