using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Arrays that contain items of a schema so many times (JSON Schema 2020-12, validation, 6.4).</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>Schemas of which items are counted: each item is or is not one of each.</summary>
    private const int MostContained = 4;

    /// <summary>Counts of items, of all and of each schema's, that are told apart: each is two rules.</summary>
    private const int MostCounts = 200;

    /// <summary>Of which items there must be how many.</summary>
    /// <param name="Schema">Of them.</param>
    /// <param name="Not">Of the others, where they must be told.</param>
    /// <param name="Least">How many at least.</param>
    /// <param name="Most">How many at most; null for any.</param>
    private readonly record struct Counted(JsonElement Schema, JsonElement? Not, int Least, int? Most)
    {
        /// <summary>The count beyond which nothing more is told.</summary>
        public int Cap => Most ?? Least;
    }

    /// <summary>What an array must contain, but for what any array does; null where nothing contains that.</summary>
    private List<Counted>? Contained(JsonElement schema)
    {
        if (CompletionRequestReader.Child(schema, "contains") is not { } contains || IsPlain) return [];
        JsonElement[] entries = contains.ValueKind == JsonValueKind.Array ? [.. contains.EnumerateArray()] : [schema];
        List<Counted> all = [];
        foreach (var entry in entries)
        {
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("contains", out var its))
                throw NoSchema("contains");
            var (least, most) = Bounds(entry, "minContains", "maxContains");
            if (CompletionRequestReader.Child(entry, "minContains") is null) least = 1;
            if (most < least) return null;
            if (most is null)
            {
                if (least > 0) all.Add(new(its, null, least, null));
            }
            else if (_merge.Not(its, Resolve) is { } not)
            {
                all.Add(new(its, not, least, most));
            }
            else
            {
                Unenforced(schema, "maxContains", "of what has no opposite that can be said");
                if (least > 0) all.Add(new(its, null, least, null));
            }
        }

        if (all.Count <= MostContained && Narrowed(all) is { } counted) return counted;
        Unenforced(schema, "contains", "of too many schemas or items");
        return [];
    }

    /// <summary>With greatest counts that are few enough; null where there are none.</summary>
    private static List<Counted>? Narrowed(List<Counted> all)
    {
        const int MostMore = 8;
        if (Counts(all) <= MostCounts / 2) return all;
        List<Counted> fewer = [.. all.Select(c => c.Most is null ? c : c with
        {
            Most = Math.Min(c.Most.Value, c.Least + MostMore),
        })];
        return Counts(fewer) <= MostCounts / 2 ? fewer : null;

        static long Counts(List<Counted> all) => all.Aggregate(1L, (n, c) => n * (c.Cap + 1L));
    }

    /// <summary>
    /// Items of an array, of which each may be of what is counted or not. What has come is counted as far as it
    /// matters: beyond what must come at least, where there is no greatest count, items come as in any array.
    /// </summary>
    private sealed class CountedItems
    {
        private readonly JsonSchemaGrammar _grammar;
        private readonly List<JsonElement> _first;
        private readonly JsonElement _rest;
        private readonly List<Counted> _counted;
        private readonly int _least;
        private readonly int? _most;
        private readonly string _end;
        private readonly int _depth;

        /// <summary>The last place that is told from those after it.</summary>
        private readonly int _last;

        /// <summary>Whether any number of items may come from the last place on.</summary>
        private readonly bool _isOpen;

        private readonly Dictionary<(int Item, int Which), string?> _items = [];
        private readonly Dictionary<(int At, int Counts), bool> _living = [];
        private readonly Dictionary<(int At, int Counts), string?> _rules = [];

        public CountedItems(JsonSchemaGrammar grammar, List<JsonElement> first, JsonElement rest,
            List<Counted> counted, int least, int? most, string end, int depth)
        {
            (_grammar, _first, _rest, _counted) = (grammar, first, rest, counted);
            (_least, _most, _end, _depth) = (least, most, end, depth);
            var places = MostCounts / counted.Aggregate(1, (n, c) => n * (c.Cap + 1));
            var wanted = most ?? Math.Max(first.Count, least);
            _isOpen = most is null && wanted <= places;
            IsNarrow = wanted > places;
            _last = Math.Min(wanted, places);
        }

        /// <summary>Whether what is counted must come sooner than the schema says.</summary>
        public bool IsNarrow { get; }

        /// <summary>The rule of the array; null for none.</summary>
        public string? Write() => Others(0, 0) is { } all ? _grammar.List(MayEnd(0, 0) ? 0 : 1, all)
            : MayEnd(0, 0) ? _grammar.Rule("\"[\" ws \"]\"") : null;

        /// <summary>Items from a place on, at least one; null for none.</summary>
        private string? Others(int at, int counts)
        {
            if (_rules.TryGetValue((at, counts), out var known)) return known;
            var ways = Ways(at, counts).Where(w => IsLiving(w.At, w.Counts)).ToArray();
            if (ways.Length == 0) return _rules[(at, counts)] = null;
            // The name is known before the rule is: what comes next may come again.
            var name = _rules[(at, counts)] = _grammar.NewName();
            _grammar.Define(name, string.Join(" | ", ways.Select(w => $"{w.Item} {After(w.At, w.Counts)}").Distinct()));
            return name;
        }

        private string After(int at, int counts)
        {
            if (IsRest(at, counts))
            {
                return Item(at, 0) is { } item && !(_most <= at)
                    ? _grammar.Rule($"(ws \",\" ws {item}){Repeat(Math.Max(0, _least - at), _most - at)}") : "\"\"";
            }

            var others = Others(at, counts);
            return others is null ? "\"\""
                : _grammar.Rule($"ws \",\" ws {others}{(MayEnd(at, counts) ? " | \"\"" : "")}");
        }

        private bool MayEnd(int at, int counts) => at >= _least && IsEnough(counts);

        /// <summary>Whether an array can be ended from here on.</summary>
        private bool IsLiving(int at, int counts)
        {
            if (MayEnd(at, counts)) return true;
            if (_living.TryGetValue((at, counts), out var known)) return known;
            // What leads to where it is says nothing of it.
            _living[(at, counts)] = false;
            return _living[(at, counts)] = IsRest(at, counts)
                ? Item(at, 0) is not null : Ways(at, counts).Any(w => IsLiving(w.At, w.Counts));
        }

        /// <summary>Whether nothing that comes from here on is counted, but how many items come in all.</summary>
        private bool IsRest(int at, int counts) =>
            at >= _first.Count && IsEnough(counts) && _counted.TrueForAll(c => c.Most is null);

        /// <summary>Items that may come, and where each leads.</summary>
        private IEnumerable<(string Item, int At, int Counts)> Ways(int at, int counts)
        {
            if (at == _last && !_isOpen) yield break;
            for (var which = 0; which < 1 << _counted.Count; which++)
                if (Counts(counts, which) is { } after && Item(at, which) is { } item)
                    yield return (item, Math.Min(at + 1, _last), after);
        }

        /// <summary>Counts with one more of each that an item is of; null where it may not be, or need not.</summary>
        private int? Counts(int counts, int which)
        {
            var (after, unit) = (counts, 1);
            for (var i = 0; i < _counted.Count; i++)
            {
                var cap = _counted[i].Cap;
                if ((which & (1 << i)) != 0)
                {
                    if (counts / unit % (cap + 1) == cap) return null;
                    after += unit;
                }

                unit *= cap + 1;
            }

            return after;
        }

        private bool IsEnough(int counts)
        {
            foreach (var one in _counted)
            {
                if (counts % (one.Cap + 1) < one.Least) return false;
                counts /= one.Cap + 1;
            }

            return true;
        }

        /// <summary>The rule of an item that is of some of what is counted; null for none.</summary>
        private string? Item(int at, int which)
        {
            var place = Math.Min(at, _first.Count);
            if (_items.TryGetValue((place, which), out var known)) return known;
            List<JsonElement> all = [place < _first.Count ? _first[place] : _rest];
            for (var i = 0; i < _counted.Count; i++)
            {
                if ((which & (1 << i)) != 0) all.Add(_counted[i].Schema);
                else if (_counted[i] is { Most: not null, Not: { } not }) all.Add(not);
            }

            var written = all.Exists(s => s.ValueKind == JsonValueKind.False) ? null
                : all.Count == 1 ? _grammar.Value(all[0], _depth + 1)
                : _grammar.Merged(_grammar._merge.AllOf(all), _depth);
            return _items[(place, which)] = written is null ? null : written + _end;
        }
    }
}
