namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A grammar over a vocabulary: which tokens may come next, found out once for each state of it that answers come to.
/// Thread-safe.
/// </summary>
/// <param name="gbnf">The grammar as it is written.</param>
/// <param name="isOwn">Whether it was made here.</param>
/// <param name="automaton">Of the grammar.</param>
/// <param name="order">Of the vocabulary.</param>
/// <param name="json">Where an answer is in its JSON at the start.</param>
internal sealed class TokenGrammar(
    string gbnf, bool isOwn, GrammarAutomaton automaton, TokenOrder order, JsonProgress json = default)
{
    /// <summary>
    /// Characters gone through at most to find out which tokens lead to where an item cannot be ended: a schema holds
    /// up the engine for milliseconds.
    /// </summary>
    private const int MostSought = 100_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<GrammarCursor, (ulong[] Mask, (int Place, int Bytes)[] Ending)> _masks = [];
    private long _ending;
    private readonly GrammarCursor[] _path = new GrammarCursor[order.Longest + 1];
    private readonly int[] _ends = new int[order.Longest + 1];
    private readonly AnswerPlace[] _places = new AnswerPlace[automaton.TellsItems ? order.Longest + 1 : 0];

    public string Gbnf => gbnf;

    public bool IsOwn => isOwn;

    /// <summary>Whether it wants items or names that differ from those before them.</summary>
    public bool TellsItems => automaton.TellsItems;

    /// <summary>Before an answer.</summary>
    public AnswerPlace Start => new(automaton.Start, json);

    /// <summary>Goes on with what a token writes.</summary>
    public AnswerPlace Follow(AnswerPlace at, ReadOnlySpan<byte> piece)
    {
        lock (_lock)
        {
            automaton.Begin();
            return Written(at, piece);
        }
    }

    /// <summary>
    /// Whether an item that must differ from others can still be ended so that it does; few tokens lead to where none
    /// can, which <see cref="Allowed"/> does not look for unless it is told to.
    /// </summary>
    public bool HasWayOn(in AnswerPlace at)
    {
        lock (_lock)
        {
            automaton.Begin();
            var left = MostSought;
            return automaton.HasWayOn(at, ref left);
        }
    }

    /// <summary>Whether an answer may end here.</summary>
    public bool MayEnd(AnswerPlace at)
    {
        lock (_lock) return automaton.MayEnd(at.At);
    }

    /// <summary>
    /// The tokens that may come next, a bit each, lowest first, which are not to be changed; null when to find them
    /// out would take too long.
    /// </summary>
    /// <param name="at">Where the answer is.</param>
    /// <param name="onlyWithWayOn">Whether without those that lead to where <see cref="HasWayOn"/> is false.</param>
    public ulong[]? Allowed(AnswerPlace at, bool onlyWithWayOn = false)
    {
        lock (_lock)
        {
            var alike = automaton.Alike(at.At, order.Longest);
            if (!_masks.TryGetValue(alike, out var known))
            {
                automaton.Begin();
                if (Find(alike) is not { } found) return null;
                _masks[alike] = known = found;
                _ending += found.Ending.Length;
            }

            return onlyWithWayOn || known.Ending.Length > 0 ? Differing(at, known.Mask, known.Ending, onlyWithWayOn)
                : known.Mask;
        }
    }

    /// <summary>Whether it takes as much memory as it may.</summary>
    public bool IsFull
    {
        get
        {
            // In numbers of four bytes.
            lock (_lock) return automaton.IsFull(((long)_masks.Count * order.Size / 32) + (2 * _ending));
        }
    }

    /// <summary>One of the same grammar that knows nothing but what lies behind a place, where it starts.</summary>
    public TokenGrammar Anew(AnswerPlace at)
    {
        lock (_lock) return new(gbnf, isOwn, automaton.Anew(at.At), order, at.Json);
    }

    private AnswerPlace Written(AnswerPlace at, ReadOnlySpan<byte> piece)
    {
        if (automaton.TellsItems)
        {
            foreach (var part in piece) at = automaton.Step(at, part);
            return at;
        }

        var cursor = at.At;
        foreach (var part in piece) cursor = automaton.Step(cursor, part);
        return new(cursor);
    }

    /// <summary>
    /// Without the tokens that end an item which is there already. They lie in order, and each is followed to the end
    /// of the last item only that it ends: so what they begin with alike is gone through once.
    /// </summary>
    private ulong[] Differing(AnswerPlace at, ulong[] all, (int Place, int Bytes)[] ending, bool onlyWithWayOn)
    {
        ulong[] mask = [.. all];
        if (!onlyWithWayOn)
        {
            ReadOnlySpan<byte> before = [];
            var reached = 0;
            _places[0] = at;
            foreach (var (place, bytes) in ending)
            {
                var piece = order.Piece(place)[..bytes];
                var shared = before.CommonPrefixLength(piece);
                if (shared <= reached)
                {
                    before = piece;
                    for (reached = shared; reached < bytes; reached++)
                    {
                        _places[reached + 1] = automaton.Step(_places[reached], piece[reached]);
                        if (!_places[reached + 1].IsAlive) break;
                    }

                    if (reached == bytes) continue;
                }

                Take(order.Tokens[place]);
            }

            return mask;
        }

        var left = MostSought;
        for (var i = 0; i < order.Tokens.Length; i++)
        {
            var token = order.Tokens[i];
            if ((mask[token >> 6] >> token & 1) == 0) continue;
            var next = Written(at, order.Piece(i));
            if (!next.IsAlive || !automaton.HasWayOn(next, ref left)) Take(token);
        }

        return mask;

        void Take(int token) => mask[token >> 6] &= ~(1UL << token);
    }

    /// <summary>
    /// The tokens that may come next where all differs that must, and places of those that end some of it.
    /// </summary>
    private (ulong[] Mask, (int Place, int Bytes)[] Ending)? Find(GrammarCursor at)
    {
        var mask = new ulong[(order.Size + 63) / 64];
        List<(int Place, int Bytes)>? ending = null;
        if (automaton.MayEnd(at))
            foreach (var token in order.Ends)
                mask[token >> 6] |= 1UL << token;
        // Bytes of the last token that was gone through which the grammar takes.
        var reached = 0;
        _path[0] = at;
        for (var i = 0; i < order.Tokens.Length; i++)
        {
            if (order.Shared[i] > reached) continue;
            var piece = order.Piece(i);
            for (reached = order.Shared[i]; reached < piece.Length; reached++)
            {
                var isEnd = false;
                var next = automaton.TellsItems ? automaton.StepDiffering(_path[reached], piece[reached], ref isEnd)
                    : automaton.Step(_path[reached], piece[reached]);
                if (next.IsTooWide) return null;
                if (next.IsLost) break;
                _path[reached + 1] = next;
                _ends[reached + 1] = isEnd ? reached + 1 : _ends[reached];
            }

            if (reached < piece.Length) continue;
            var token = order.Tokens[i];
            mask[token >> 6] |= 1UL << token;
            if (_ends[reached] > 0) (ending ??= []).Add((i, _ends[reached]));
        }

        return (mask, ending is null ? [] : [.. ending]);
    }
}
