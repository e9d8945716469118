namespace AgentRuntime.Node.Grammar;

/// <summary>
/// The places of a grammar that a text may have come to, each with what is to come behind it: what llama.cpp calls
/// stacks (llama-grammar.cpp). Alternatives that begin alike and contain themselves make twice as many of each, with
/// every level that is written; llama.cpp compares each with each, and has no bound. So a text is followed here first.
/// Not thread-safe.
/// </summary>
internal sealed class GrammarPaths
{
    /// <summary>Tokens of several brackets are in most vocabularies, and llama.cpp tries each.</summary>
    private const string Deeper = "[[[[";

    private const int NoFrame = -1;

    /// <summary>Places that are gone through for one that is held.</summary>
    private const int MostSteps = 16;

    private const int MostFrames = 1 << 20;

    private readonly int _most;
    private readonly List<Frame> _frames = [];
    private readonly Dictionary<Frame, int> _ids = [];
    private readonly Stack<Frame> _open = [];
    private readonly HashSet<Frame> _passed = [];
    private int _character;
    private int _bytesLeft;
    private HashSet<Frame> _live = [];
    private HashSet<Frame> _next = [];
    private HashSet<Frame> _ahead = [];
    private HashSet<Frame> _nextAhead = [];

    /// <summary>Begins with an empty text.</summary>
    /// <param name="root">The grammar's start.</param>
    /// <param name="most">How many places there may be at once.</param>
    public GrammarPaths(GbnfSymbol root, int most)
    {
        _most = most;
        Enter(root, NoFrame);
        IsBounded = Close(_live) && GoesDeeper();
    }

    /// <summary>Whether there were never too many places.</summary>
    public bool IsBounded { get; private set; }

    /// <summary>Whether the text may end here.</summary>
    public bool MayEnd { get; private set; }

    /// <summary>Whether the text is none of the grammar's, or not one that can be followed.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Goes on with bytes of UTF-8; false when there are too many places, now or with brackets next.</summary>
    public bool TryFollow(ReadOnlySpan<byte> piece)
    {
        foreach (var part in piece)
        {
            if (IsLost || !IsBounded) break;
            if (!Take(part)) continue;
            IsBounded = Advance(_live, _character, _next);
            (_live, _next) = (_next, _live);
            IsLost = IsBounded && _live.Count == 0 && !MayEnd;
        }

        if (IsBounded && !IsLost) IsBounded = GoesDeeper();
        return IsBounded;
    }

    /// <summary>
    /// Takes a byte; whether a character ends with it. As llama.cpp does it: what follows the first byte of several is
    /// not looked at.
    /// </summary>
    private bool Take(byte part)
    {
        if (_bytesLeft > 0)
        {
            _character = (_character << 6) + (part & 0x3F);
            return --_bytesLeft == 0;
        }

        var bytes = part switch { < 0x80 => 1, < 0xC0 => 0, < 0xE0 => 2, < 0xF0 => 3, _ => 4 };
        IsLost = bytes == 0;
        _character = part & ((1 << (8 - bytes)) - 1);
        _bytesLeft = bytes - 1;
        return bytes == 1;
    }

    private bool GoesDeeper()
    {
        var (mayEnd, bounded) = (MayEnd, true);
        var from = _live;
        for (var i = 0; i < Deeper.Length && bounded && from.Count > 0; i++)
        {
            bounded = Advance(from, Deeper[i], _nextAhead);
            (_ahead, _nextAhead) = (_nextAhead, _ahead);
            from = _ahead;
        }

        MayEnd = mayEnd;
        return bounded;
    }

    private bool Advance(HashSet<Frame> from, int character, HashSet<Frame> to)
    {
        to.Clear();
        MayEnd = false;
        foreach (var frame in from)
        {
            var element = frame.Sequence[frame.At];
            var characters = element.Characters!;
            if (!characters.Fits(frame.Character, character)) continue;
            if (frame.Character + 1 < characters.Length) to.Add(frame with { Character = frame.Character + 1 });
            else _open.Push(Behind(frame, element));
        }

        return Close(to);
    }

    /// <summary>Goes from all open places to those that wait for a character.</summary>
    private bool Close(HashSet<Frame> waiting)
    {
        _passed.Clear();
        while (_open.TryPop(out var frame))
        {
            if (waiting.Count > _most || _passed.Count > _most * MostSteps || _frames.Count > MostFrames)
            {
                _open.Clear();
                return false;
            }

            if (!_passed.Add(frame)) continue;
            if (frame.At == frame.Sequence.Count)
            {
                if (frame.Outer == NoFrame) MayEnd = true;
                else _open.Push(_frames[frame.Outer]);
                continue;
            }

            var element = frame.Sequence[frame.At];
            if (frame.Times >= element.Least || element is { Rule: null, Length: 0 })
                _open.Push(frame with { At = frame.At + 1, Times = 0 });
            if (element.Most is { } most && frame.Times >= most) continue;
            if (element.Rule is { } rule) Enter(rule, Outer(Behind(frame, element)));
            else if (element.Length > 0) waiting.Add(frame);
        }

        return waiting.Count <= _most;
    }

    private void Enter(GbnfSymbol rule, int outer)
    {
        foreach (var alternative in rule.Alternatives) _open.Push(new(alternative, 0, 0, 0, outer));
    }

    /// <summary>The place behind one more of an element; where it has no end, all are one in the end.</summary>
    private static Frame Behind(Frame frame, GbnfElement element) => frame with
    {
        Character = 0,
        Times = element.Most is null ? Math.Min(frame.Times + 1, element.Least) : frame.Times + 1,
    };

    /// <summary>The number of a place to come back to; of one at the end of its rule that which the rule has.</summary>
    private int Outer(Frame frame)
    {
        if (frame.At + 1 == frame.Sequence.Count && frame.Sequence[frame.At].Most is { } most && frame.Times >= most)
            return frame.Outer;
        if (_ids.TryGetValue(frame, out var id)) return id;
        _ids.Add(frame, id = _frames.Count);
        _frames.Add(frame);
        return id;
    }

    /// <summary>A place in a sequence.</summary>
    /// <param name="Sequence">The alternative of a rule.</param>
    /// <param name="At">Its element.</param>
    /// <param name="Times">How often that has come.</param>
    /// <param name="Character">Characters of it that have come this time.</param>
    /// <param name="Outer">The number of the place to come back to behind the sequence.</param>
    private readonly record struct Frame(List<GbnfElement> Sequence, int At, int Times, int Character, int Outer);
}
