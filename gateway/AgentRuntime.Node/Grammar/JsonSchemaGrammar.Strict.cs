using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>What must be enforced, and is not.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Schemas and their parts that are looked through for a keyword.</summary>
    private const int MostSearched = 100_000;

    /// <summary>
    /// Says that a keyword is not enforced: it is left out, unless the schema is strict. Only what asserts something
    /// comes here: a <c>format</c> or <c>title</c> that nobody knows is none.
    /// </summary>
    /// <param name="schema">The schema that has it, which may be made of others.</param>
    /// <param name="keyword">The keyword.</param>
    /// <param name="when">Where it is not, as in "of more than 8 values".</param>
    /// <exception cref="RuntimeErrorException">AR1010: the schema is strict.</exception>
    private void Unenforced(JsonElement schema, string keyword, string when)
    {
        if (StrictName is not { } name) return;
        var search = new Search(schema, keyword);
        search.In(_root, "#");
        var at = search.Found is { } pointer ? $" at {pointer}" : "";
        throw CompletionRequestReader.Unsupported(
            $"Invalid schema for {name}: '{keyword}'{at} is not enforced {when}, and strict promises that all is. "
            + "Leave out strict, or the keyword.", "json_schema");
    }

    /// <summary>
    /// Looks for the place of a keyword in a client's schema, of which the one that has it was made: the one that is
    /// most alike, since what was merged has no place of its own.
    /// </summary>
    private sealed class Search(JsonElement schema, string keyword)
    {
        private readonly Dictionary<string, JsonElement> _wanted =
            schema.ValueKind == JsonValueKind.Object ? SchemaMerge.Named(schema) : [];

        private int _left = MostSearched;
        private int _best = -1;

        /// <summary>Its JSON pointer (RFC 6901), as a URI's fragment begins; null for none.</summary>
        public string? Found { get; private set; }

        public void In(JsonElement schema, string at)
        {
            if (--_left < 0) return;
            if (schema.ValueKind == JsonValueKind.Array)
                foreach (var (index, item) in schema.EnumerateArray().Index()) In(item, $"{at}/{index}");
            if (schema.ValueKind != JsonValueKind.Object) return;
            var its = SchemaMerge.Named(schema);
            if (its.TryGetValue(keyword, out var found) && Alike(its, found) is var alike && alike > _best)
                (_best, Found) = (alike, $"{at}/{keyword}");
            foreach (var (name, value) in its)
            {
                if (name is "const" or "enum" or "default" or "examples" or "required") continue;
                var to = $"{at}/{Escaped(name)}";
                if (!SchemaMerge.IsOfNames(name)) In(value, to);
                else if (value.ValueKind == JsonValueKind.Object)
                    foreach (var (own, one) in SchemaMerge.Named(value)) In(one, $"{to}/{Escaped(own)}");
            }
        }

        /// <summary>How much of a schema is in the one that is wanted: most of all, the keyword's value.</summary>
        private int Alike(Dictionary<string, JsonElement> its, JsonElement found) =>
            (IsWanted(keyword, found) ? its.Count : 0) + its.Count(k => IsWanted(k.Key, k.Value));

        private bool IsWanted(string name, JsonElement value) =>
            _wanted.TryGetValue(name, out var wanted) && JsonElement.DeepEquals(wanted, value);

        private static string Escaped(string name) =>
            name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
    }
}
