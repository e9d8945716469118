using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <content>
/// Items and names that must differ from those before them: what has come of them is no part of a state, which serves
/// all answers. A state at their end leads on in two ways, which are kept as others are: as where they differ, and as
/// where they do not. The answer's own place says which.
/// </content>
internal sealed partial class GrammarAutomaton
{
    /// <summary>Ways to end an item from which one is taken to be left, whatever came before.</summary>
    private const int ManyEnds = 4096;

    /// <summary>Characters gone through to find out whether there are so many, or one that is left.</summary>
    private const int MostSought = 20_000;

    private const int MostDeep = 400;

    private readonly Dictionary<int, (int Differing, int Repeated)> _ends = [];
    private readonly Dictionary<int, bool> _hasFewEnds = [];
    private readonly HashSet<int> _onPath = [];
    private readonly HashSet<int> _repeating = [];
    private int _sought;

    /// <summary>Whether some item or name must differ from others.</summary>
    public bool TellsItems { get; }

    /// <summary>As <see cref="Step(GrammarCursor, byte)"/>, where items and names are told apart.</summary>
    public AnswerPlace Step(in AnswerPlace at, byte part)
    {
        var next = Step(at.At, part);
        if (!TellsItems || !next.IsAlive) return new(next, at.Json);
        var json = at.Json.Step(part);
        if (next.BytesLeft > 0 || !IsEnd(next.State)) return new(next, json);
        var (differing, repeated) = Ends(next.State);
        return json.IsRepeated ? new(new(repeated), json) : new(new(differing), json.Marked());
    }

    /// <summary>As <see cref="Step(GrammarCursor, byte)"/>, as where all items and names differ.</summary>
    /// <param name="at">Where to go on from.</param>
    /// <param name="part">The byte.</param>
    /// <param name="isEnd">Set where one ends or may.</param>
    public GrammarCursor StepDiffering(GrammarCursor at, byte part, ref bool isEnd)
    {
        var next = Step(at, part);
        if (!next.IsAlive || next.BytesLeft > 0 || !IsEnd(next.State)) return next;
        isEnd = true;
        return new(Ends(next.State).Differing);
    }

    /// <summary>
    /// Whether an item that must differ from others can still be ended so that it does; it is taken for one where that
    /// would take long to find out.
    /// </summary>
    /// <param name="at">Where the item is.</param>
    /// <param name="left">Characters that may be gone through to find out; less by those that were.</param>
    public bool HasWayOn(in AnswerPlace at, ref int left)
    {
        if (!TellsItems || !at.IsAlive || at.Json.Frame?.Outermost is not { } frame || left <= 0) return true;
        if (at.At.BytesLeft > 0 || !HasFewEnds(at.At.State, ref left)) return true;
        var most = _sought = Math.Min(left, MostSought);
        var has = Ends(at, frame.Depth, 0);
        left -= most - _sought;
        return has;
    }

    private bool IsEnd(int state)
    {
        foreach (var number in _sets[state])
            if (_sets.Place(number) is { IsEnd: false } place && place.Element.Characters == GbnfCharacters.Differing)
                return true;
        return false;
    }

    private (int Differing, int Repeated) Ends(int state)
    {
        if (_ends.TryGetValue(state, out var known)) return known;
        if (_closure.Pass(state) is not { } differing) return (TooWide, TooWide);
        _edgesSize += EdgesSize;
        return _ends[state] = (differing, _closure.Without(state));
    }

    /// <summary>
    /// Whether an array or object at a depth can be gone on with from here so that its next item or name differs from
    /// all others, or ended.
    /// </summary>
    private bool Ends(in AnswerPlace at, int depth, int deep)
    {
        if (deep > MostDeep || _sought <= 0) return true;
        var (ways, others) = (Ways(at.At.State), 1);
        for (var frame = at.Json.Frame; frame is not null; frame = frame.Parent) others += frame.Count;
        foreach (var (first, last, _) in ways)
        {
            // Spaces between values tell nothing apart.
            if (first is ' ' or '\n' && ways.Count > 1 && !at.Json.IsWithinText) continue;
            // Of more characters than there are items and names, one differs, if any can.
            for (var character = first; character <= Math.Min(last, first + others); character++)
            {
                _sought--;
                var next = Write(at, character);
                if (next.IsTooWide) return true;
                if (!next.IsAlive) continue;
                var its = next.Json.Frame?.Depth ?? 0;
                if (its < depth || (its == depth && next.Json.IsMarked)) return true;
                if (Ends(next, depth, deep + 1)) return true;
            }
        }

        return false;
    }

    private AnswerPlace Write(in AnswerPlace at, int character)
    {
        if (!Rune.TryCreate(character, out var rune)) return new(GrammarCursor.Lost);
        Span<byte> bytes = stackalloc byte[4];
        var place = at;
        foreach (var part in bytes[..rune.EncodeToUtf8(bytes)]) place = Step(place, part);
        return place;
    }

    /// <summary>Whether items can be ended in few ways from a state on.</summary>
    private bool HasFewEnds(int state, ref int left)
    {
        if (_hasFewEnds.TryGetValue(state, out var known)) return known;
        _sought = MostSought / 10;
        _onPath.Clear();
        _repeating.Clear();
        var hasFew = Count(state, ManyEnds, 0) < ManyEnds;
        left -= (MostSought / 10) - _sought;
        return _hasFewEnds[state] = hasFew;
    }

    /// <summary>Ways in which what is written may go on to an item's end, so that each is another value.</summary>
    private long Count(int state, long wanted, int deep)
    {
        if (deep > MostDeep || _sought <= 0) return 0;
        if (!_onPath.Add(state))
        {
            _repeating.Add(state);
            return 0;
        }

        var (count, ways) = (0L, Ways(state));
        // Zeros, points and exponents may write a number once more, and escapes or spaces any value.
        var isNumber = ways.Exists(w => w.First <= '5' && w.Last >= '5') && !ways.Exists(w => w.First == '"');
        foreach (var (first, last, to) in ways)
        {
            if (count >= wanted) break;
            if (ways.Count > 1 && (first is ' ' or '\n' or '\\' || (isNumber && IsMore(first))))
            {
                continue;
            }

            _sought--;
            var width = last - first + 1;
            var on = to;
            if (IsEnd(on))
            {
                count += width;
                on = Ends(on).Repeated;
            }

            if (on >= 0) count += width * Count(on, (wanted - count + width - 1) / width, deep + 1);
        }

        _onPath.Remove(state);
        // From where it comes back to itself, it goes on as often as one likes.
        return count > 0 && _repeating.Contains(state) ? ManyEnds : Math.Min(count, ManyEnds);

        static bool IsMore(int character) => character is '+' or '.' or 'E' or 'e' or '0';
    }

    /// <summary>Ranges of characters that lead to one state each: first those that end something.</summary>
    private List<(int First, int Last, int To)> Ways(int state)
    {
        var (edges, ways) = (Edges(state), new List<(int First, int Last, int To)>());
        for (var range = 0; range < edges.Count; range++)
        {
            var to = Next(state, edges, range);
            if (to < 0) continue;
            var first = Math.Max(1, edges.First(range));
            var last = range + 1 < edges.Count ? edges.First(range + 1) - 1 : GbnfCharacters.Last;
            if (first > last || first > GbnfCharacters.Last) continue;
            ways.Add((first, Math.Min(last, GbnfCharacters.Last), to));
        }

        ways.Sort((a, b) => Rank(a.First).CompareTo(Rank(b.First)) is var order and not 0
            ? order : a.First.CompareTo(b.First));
        return ways;

        static int Rank(int character) => character switch
        {
            ']' or '}' => 0, '"' => 1, ' ' or '\n' or '\\' => 4, ',' => 3, _ => 2,
        };
    }
}
