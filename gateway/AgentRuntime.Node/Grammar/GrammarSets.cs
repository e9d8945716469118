using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Numbers places of a grammar and sets of them, so that what is alike is there once. A set's places return to sets
/// with lower numbers only. Not thread-safe.
/// </summary>
internal sealed class GrammarSets
{
    /// <summary>The set of nothing.</summary>
    public const int None = -1;

    /// <summary>The number of <see cref="GrammarPlace.End"/>, and of the set of it alone.</summary>
    public const int End = 0;

    /// <summary>Bytes that a place and a set take, in 4.</summary>
    private const int PlaceSize = 24;

    private const int SetSize = 24;

    private readonly List<GrammarPlace> _places = [GrammarPlace.End];
    private readonly Dictionary<GrammarPlace, int> _numbers = new() { [GrammarPlace.End] = End };
    private readonly List<int[]> _sets = [[End]];
    private readonly Dictionary<int[], int> _setNumbers = new(new SameSet()) { [[End]] = End };

    /// <summary>Memory that they take, in 4 bytes, roughly.</summary>
    public long Size { get; private set; }

    /// <summary>How many sets there are; each lower number is one.</summary>
    public int Count => _sets.Count;

    /// <summary>The numbers of a set's places, ascending.</summary>
    public ReadOnlySpan<int> this[int set] => _sets[set];

    public GrammarPlace Place(int number) => _places[number];

    public int Number(in GrammarPlace place)
    {
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, place, out var known);
        if (known) return number;
        Size += PlaceSize;
        _places.Add(place);
        return number = _places.Count - 1;
    }

    /// <summary>The number of a set of places, which are put into order.</summary>
    public int Set(List<int> places)
    {
        if (places.Count == 0) return None;
        var all = CollectionsMarshal.AsSpan(places);
        all.Sort();
        var count = 1;
        foreach (var place in all[1..])
            if (place != all[count - 1])
                all[count++] = place;
        var lookup = _setNumbers.GetAlternateLookup<ReadOnlySpan<int>>();
        if (lookup.TryGetValue(all[..count], out var number)) return number;
        Size += SetSize + count;
        int[] set = [.. all[..count]];
        _sets.Add(set);
        _setNumbers.Add(set, _sets.Count - 1);
        return _sets.Count - 1;
    }

    /// <summary>Brings a set over from others, and all that its places return to.</summary>
    public int Copy(GrammarSets from, int set)
    {
        var wanted = new bool[set + 1];
        wanted[set] = true;
        for (var i = set; i >= 0; i--)
        {
            if (!wanted[i]) continue;
            foreach (var number in from[i])
                if (number != End)
                    wanted[from.Place(number).Returns] = true;
        }

        var (copies, places) = (new int[set + 1], new List<int>());
        for (var i = 0; i <= set; i++)
        {
            if (!wanted[i]) continue;
            places.Clear();
            foreach (var number in from[i])
            {
                var place = from.Place(number);
                places.Add(place.IsEnd ? End : Number(place with { Returns = copies[place.Returns] }));
            }

            copies[i] = Set(places);
        }

        return copies[set];
    }

    private sealed class SameSet : IEqualityComparer<int[]>, IAlternateEqualityComparer<ReadOnlySpan<int>, int[]>
    {
        public bool Equals(int[]? a, int[]? b) => a.AsSpan().SequenceEqual(b);

        public bool Equals(ReadOnlySpan<int> alternate, int[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(int[] set) => GetHashCode(set.AsSpan());

        public int GetHashCode(ReadOnlySpan<int> set)
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(set));
            return hash.ToHashCode();
        }

        public int[] Create(ReadOnlySpan<int> set) => set.ToArray();
    }
}
