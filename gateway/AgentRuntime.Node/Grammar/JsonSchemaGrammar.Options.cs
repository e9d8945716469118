using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Which options of a schema have nothing in common.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>What is seen of a schema at a glance; it is looked at once for all that it is compared with.</summary>
    private sealed class SeenOption
    {
        private readonly HashSet<string> _types = [];
        private readonly HashSet<string>? _constants;
        private readonly HashSet<string> _required = [];
        private readonly Dictionary<string, JsonElement> _properties = [];
        private readonly Dictionary<string, SeenOption> _seen = new(StringComparer.Ordinal);
        private readonly bool _isSeen;

        public SeenOption(JsonElement schema)
        {
            if (!(_isSeen = schema.ValueKind == JsonValueKind.Object)) return;
            _types = [.. Entries(schema, "type").Select(t =>
                t.ValueKind == JsonValueKind.String && t.ValueEquals("integer") ? "\"number\"" : t.GetRawText())];
            _constants = Constants(schema);
            if (CompletionRequestReader.Child(schema, "properties") is { ValueKind: JsonValueKind.Object } its)
                _properties = SchemaMerge.Named(its);
            _required = RequiredNames(schema).Where(_properties.ContainsKey).ToHashSet(StringComparer.Ordinal);
        }

        /// <summary>Whether it clearly has no instance in common with another one.</summary>
        public bool IsApart(SeenOption other)
        {
            if (!_isSeen || !other._isSeen) return false;
            if (_types.Count > 0 && other._types.Count > 0 && !_types.Overlaps(other._types)) return true;
            if (_constants is { } values && other._constants is { } theirs && !values.Overlaps(theirs)) return true;
            return _required.Any(name => other._required.Contains(name)
                && Property(name).IsApart(other.Property(name)));
        }

        private SeenOption Property(string name) =>
            _seen.TryGetValue(name, out var seen) ? seen : _seen[name] = new(_properties[name]);
    }
}
