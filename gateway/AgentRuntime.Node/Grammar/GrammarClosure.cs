namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Goes from places of a grammar to those that wait for a character. A rule that is entered from several of them is
/// entered once, and returns to each (Earley 1970; Tomita 1987: the graph-structured stack), so that alternatives that
/// begin alike and contain themselves make no more places with each level that is written. Not thread-safe.
/// </summary>
internal sealed class GrammarClosure(GrammarSets sets)
{
    private readonly Stack<GrammarPlace> _open = [];
    private readonly HashSet<GrammarPlace> _passed = [];
    private readonly List<GrammarPlace> _waiting = [];
    private readonly Dictionary<GbnfSymbol, int> _numbers = [];
    private readonly List<Entered> _entered = [];
    private readonly HashSet<int> _returned = [];

    /// <summary>Places that may still be gone through; each call takes from it.</summary>
    public int Left { get; set; }

    /// <summary>The set of places before a text; null when <see cref="Left"/> does not suffice.</summary>
    public int? Start(GbnfSymbol root)
    {
        Enter(root, GrammarPlace.End);
        return Close();
    }

    /// <summary>The set behind a character; null when <see cref="Left"/> does not suffice.</summary>
    public int? Advance(int set, int character)
    {
        foreach (var number in sets[set])
        {
            var place = sets.Place(number);
            if (place.IsEnd) continue;
            var characters = place.Element.Characters!;
            if (!characters.Fits(place.Character, character)) continue;
            if (place.Character + 1 < characters.Length) _waiting.Add(place with { Character = place.Character + 1 });
            else _open.Push(place.Behind);
        }

        Left -= sets[set].Length;
        return Close();
    }

    /// <summary>
    /// The set at the end of what must differ, where it does; null when <see cref="Left"/> does not suffice.
    /// </summary>
    public int? Pass(int set)
    {
        foreach (var number in sets[set])
        {
            var place = sets.Place(number);
            if (IsDiffering(place)) _open.Push(place.Behind);
            else _waiting.Add(place);
        }

        Left -= sets[set].Length;
        return Close();
    }

    /// <summary>The set at the end of what must differ, where it does not.</summary>
    public int Without(int set)
    {
        List<int> others = [];
        foreach (var number in sets[set])
            if (!IsDiffering(sets.Place(number)))
                others.Add(number);
        return sets.Set(others);
    }

    private static bool IsDiffering(in GrammarPlace place) =>
        !place.IsEnd && place.Element.Characters == GbnfCharacters.Differing;

    private int? Close()
    {
        while (Left > 0 && _open.TryPop(out var place))
        {
            Left--;
            if (!_passed.Add(place)) continue;
            if (place.IsEnd)
            {
                _waiting.Add(place);
            }
            else if (place.IsDone)
            {
                Return(place.Returns);
            }
            else
            {
                var element = place.Element;
                if (place.Times >= element.Least || element.MayBeEmpty) _open.Push(place.Next);
                if (element.IsNothing || element.Most == 0) continue;
                if (element.Rule is { } rule) Enter(rule, place.Behind);
                else _waiting.Add(place);
            }
        }

        var set = Left > 0 ? Numbered() : GrammarSets.None;
        _open.Clear();
        _returned.Clear();
        _passed.Clear();
        _waiting.Clear();
        _numbers.Clear();
        _entered.Clear();
        return Left > 0 ? set : null;
    }

    private void Enter(GbnfSymbol rule, GrammarPlace behind)
    {
        if (!_numbers.TryGetValue(rule, out var number))
        {
            _numbers.Add(rule, number = _entered.Count);
            _entered.Add(new());
            if (!Take(rule.Alternatives.Count)) return;
            foreach (var alternative in rule.Alternatives) _open.Push(new(alternative, 0, 0, 0, ~number));
        }

        _entered[number].Returns.Add(behind);
        if (_entered[number].IsPassed) _open.Push(behind);
    }

    /// <summary>Goes on behind a rule; of one that was entered only now the number is a complement.</summary>
    private void Return(int returns)
    {
        if (returns >= 0)
        {
            if (!_returned.Add(returns) || !Take(sets[returns].Length)) return;
            foreach (var number in sets[returns]) _open.Push(sets.Place(number));
            return;
        }

        var entered = _entered[~returns];
        if (entered.IsPassed) return;
        entered.IsPassed = true;
        foreach (var place in entered.Returns) _open.Push(place);
    }

    private int Numbered()
    {
        var places = new List<int>(_waiting.Count);
        foreach (var place in _waiting)
            places.Add(sets.Number(place.IsEnd ? place : place with { Returns = Resolve(place.Returns) }));
        return sets.Set(places);
    }

    /// <summary>No deeper than rules begin with one another: <see cref="GbnfBeginnings"/> bounds that.</summary>
    private int Resolve(int returns)
    {
        if (returns >= 0) return returns;
        var entered = _entered[~returns];
        if (entered.Set is { } known) return known;
        List<int> places = [];
        HashSet<int> whole = [];
        foreach (var place in entered.Returns)
        {
            var behind = place.IsEnd ? GrammarSets.End : Resolve(place.Returns);
            if (place.IsEnd) places.Add(GrammarSets.End);
            else if (!place.IsDone) places.Add(sets.Number(place with { Returns = behind }));
            else if (whole.Add(behind) && Take(sets[behind].Length)) places.AddRange(sets[behind]);
        }

        return (entered.Set = sets.Set(places)).Value;
    }

    private bool Take(int places)
    {
        Left -= places;
        return Left > 0;
    }

    /// <summary>A rule that was entered.</summary>
    private sealed class Entered
    {
        /// <summary>Where the text may go on behind it.</summary>
        public List<GrammarPlace> Returns { get; } = [];

        /// <summary>Whether it has ended with no character.</summary>
        public bool IsPassed { get; set; }

        /// <summary>The number of the set of these places.</summary>
        public int? Set { get; set; }
    }
}
