namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Where a state goes: characters that each of its places takes alike lie in one range, and go to one state.
/// </summary>
internal sealed class GrammarEdges
{
    /// <summary>What is not found out yet.</summary>
    public const int Unknown = -3;

    private readonly int[] _first;
    private readonly int[] _to;

    /// <param name="sets">The state's grammar.</param>
    /// <param name="state">A set of places.</param>
    public GrammarEdges(GrammarSets sets, int state)
    {
        var cuts = new List<int> { 0 };
        var cut = new HashSet<(GbnfCharacters Characters, int Place)>();
        foreach (var number in sets[state])
        {
            var place = sets.Place(number);
            if (place.IsEnd || !cut.Add((place.Element.Characters!, place.Character))) continue;
            var ranges = place.Element.Characters!.Ranges(place.Character);
            for (var i = 0; i < ranges.Length; i += 2)
            {
                cuts.Add(ranges[i]);
                cuts.Add(ranges[i + 1] + 1);
            }
        }

        _first = [.. cuts.Distinct().Order()];
        _to = new int[_first.Length];
        Array.Fill(_to, Unknown);
    }

    /// <summary>How many ranges there are; they lie one behind the other, from 0 on.</summary>
    public int Count => _first.Length;

    /// <summary>The state that a range goes to, <see cref="GrammarAutomaton.None"/> or <see cref="Unknown"/>.</summary>
    public ref int To(int range) => ref _to[range];

    /// <summary>A range's first character.</summary>
    public int First(int range) => _first[range];

    /// <summary>The range of a character.</summary>
    public int Find(int character)
    {
        var (low, high) = (0, _first.Length);
        while (high - low > 1)
        {
            var middle = (low + high) >>> 1;
            if (_first[middle] <= character) low = middle;
            else high = middle;
        }

        return low;
    }
}
