namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A grammar as a machine whose states are the sets of places that a text may have come to, made when a text first
/// comes there (the lazy determinization of regular expressions, with a stack in each place). Not thread-safe.
/// </summary>
internal sealed partial class GrammarAutomaton
{
    /// <summary>What is no state.</summary>
    public const int None = GrammarSets.None;

    public const int TooWide = -2;

    /// <summary>Places that are gone through for one call, some 10 ms.</summary>
    private const int MostPlaces = 100_000;

    /// <summary>Memory that is kept, in 4 bytes.</summary>
    private const long MostSize = 2 << 20;

    private const int EdgesSize = 24;

    private readonly GrammarSets _sets = new();
    private readonly GrammarClosure _closure;
    private readonly List<GrammarEdges?> _edges = [];
    private readonly List<int> _alike = [];
    private readonly long _mostSize = MostSize;
    private long _edgesSize;

    public GrammarAutomaton(GbnfSymbol root)
    {
        _closure = new(_sets);
        TellsItems = root.TellsItems;
        Begin();
        Start = new(_closure.Start(root) ?? TooWide);
    }

    private GrammarAutomaton(GrammarAutomaton from, GrammarCursor at)
    {
        _closure = new(_sets);
        TellsItems = from.TellsItems;
        Start = at with { State = _sets.Copy(from._sets, at.State) };
        _mostSize = Math.Max(MostSize, 2 * _sets.Size);
    }

    /// <summary>Where it was made for.</summary>
    public GrammarCursor Start { get; }

    /// <summary>Whether so much is known that it is time for <see cref="Anew"/>.</summary>
    /// <param name="besides">Memory that others take for it, in 4 bytes.</param>
    public bool IsFull(long besides) => _sets.Size + _edgesSize + besides > _mostSize;

    /// <summary>One of the same grammar that begins at a place and knows nothing else.</summary>
    public GrammarAutomaton Anew(GrammarCursor at) => new(this, at);

    /// <summary>
    /// A place that goes on in the same way for some characters: repetitions that they can neither fill nor use up are
    /// not told apart.
    /// </summary>
    public GrammarCursor Alike(GrammarCursor at, int characters)
    {
        _alike.Clear();
        foreach (var number in _sets[at.State])
        {
            var place = _sets.Place(number);
            if (!place.IsEnd && place.Times > 0)
            {
                var element = place.Element;
                if (element.Least - place.Times > characters) place = place with { Times = 0 };
                else if (place.Times > element.Least && element.Most - place.Times > characters)
                    place = place with { Times = element.Least };
            }

            _alike.Add(_sets.Number(place));
        }

        return at with { State = _sets.Set(_alike) };
    }

    /// <summary>Lets the next steps together go through as many places as one call may.</summary>
    public void Begin() => _closure.Left = MostPlaces;

    /// <summary>Whether a text may end here.</summary>
    public bool MayEnd(GrammarCursor at) =>
        at is { IsAlive: true, BytesLeft: 0 } && _sets[at.State][0] == GrammarSets.End;

    /// <summary>Goes on with a byte of UTF-8.</summary>
    public GrammarCursor Step(GrammarCursor at, byte part)
    {
        if (!at.IsAlive) return at;
        if (at.BytesLeft > 0)
        {
            if ((part & 0xC0) != 0x80) return GrammarCursor.Lost;
            var more = at with { Character = (at.Character << 6) | (part & 0x3F), BytesLeft = at.BytesLeft - 1 };
            return more.BytesLeft == 0 ? new(Next(at.State, more.Character)) : Within(more);
        }

        if (part < 0x80) return new(Next(at.State, part));
        var (bytes, least) = part switch
        {
            < 0xC2 => (0, 0),
            < 0xE0 => (1, 0x80),
            < 0xF0 => (2, 0x800),
            < 0xF5 => (3, 0x1_0000),
            _ => (0, 0),
        };
        return bytes == 0 ? GrammarCursor.Lost : Within(new(at.State, part & (0x3F >> bytes), bytes, least));
    }

    /// <summary>The same cursor where some character that begins so may come next.</summary>
    private GrammarCursor Within(GrammarCursor at)
    {
        var bits = 6 * at.BytesLeft;
        var last = ((at.Character + 1) << bits) - 1;
        var first = Math.Max(at.Character << bits, at.Least);
        var edges = Edges(at.State);
        if (first > last) return GrammarCursor.Lost;
        for (var range = edges.Find(first); range < edges.Count && edges.First(range) <= last; range++)
        {
            var next = Next(at.State, edges, range);
            if (next != None) return next == TooWide ? GrammarCursor.TooWide : at;
        }

        return GrammarCursor.Lost;
    }

    private int Next(int state, int character)
    {
        var edges = Edges(state);
        return Next(state, edges, edges.Find(character));
    }

    private int Next(int state, GrammarEdges edges, int range)
    {
        ref var to = ref edges.To(range);
        if (to != GrammarEdges.Unknown) return to;
        if (_closure.Advance(state, edges.First(range)) is not { } next) return TooWide;
        return to = next;
    }

    private GrammarEdges Edges(int state)
    {
        while (_edges.Count <= state) _edges.Add(null);
        if (_edges[state] is { } known) return known;
        var edges = new GrammarEdges(_sets, state);
        _closure.Left -= edges.Count;
        _edgesSize += EdgesSize + (2 * edges.Count);
        return _edges[state] = edges;
    }
}
