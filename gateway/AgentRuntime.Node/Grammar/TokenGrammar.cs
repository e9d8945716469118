namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A grammar over a vocabulary: which tokens may come next, found out once for each state of it that answers come to.
/// Thread-safe.
/// </summary>
/// <param name="gbnf">The grammar as it is written.</param>
/// <param name="automaton">Of the grammar.</param>
/// <param name="order">Of the vocabulary.</param>
internal sealed class TokenGrammar(string gbnf, GrammarAutomaton automaton, TokenOrder order)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<GrammarCursor, ulong[]> _masks = [];
    private readonly GrammarCursor[] _path = new GrammarCursor[order.Longest + 1];

    public string Gbnf => gbnf;

    /// <summary>Before an answer.</summary>
    public GrammarCursor Start => automaton.Start;

    /// <summary>Goes on with what a token writes.</summary>
    public GrammarCursor Follow(GrammarCursor at, ReadOnlySpan<byte> piece)
    {
        lock (_lock)
        {
            automaton.Begin();
            foreach (var part in piece) at = automaton.Step(at, part);
            return at;
        }
    }

    /// <summary>Whether an answer may end here.</summary>
    public bool MayEnd(GrammarCursor at)
    {
        lock (_lock) return automaton.MayEnd(at);
    }

    /// <summary>
    /// The tokens that may come next, a bit each, lowest first; null when to find them out would take too long.
    /// </summary>
    public ulong[]? Allowed(GrammarCursor at)
    {
        lock (_lock)
        {
            at = automaton.Alike(at, order.Longest);
            if (_masks.TryGetValue(at, out var known)) return known;
            automaton.Begin();
            return Find(at) is { } mask ? _masks[at] = mask : null;
        }
    }

    /// <summary>Whether it takes as much memory as it may.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock) return automaton.IsFull((long)_masks.Count * order.Size / 32);
        }
    }

    /// <summary>One of the same grammar that knows nothing but what lies behind a place, where it starts.</summary>
    public TokenGrammar Anew(GrammarCursor at)
    {
        lock (_lock) return new(gbnf, automaton.Anew(at), order);
    }

    private ulong[]? Find(GrammarCursor at)
    {
        var mask = new ulong[(order.Size + 63) / 64];
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
                var next = automaton.Step(_path[reached], piece[reached]);
                if (next.IsTooWide) return null;
                if (next.IsLost) break;
                _path[reached + 1] = next;
            }

            if (reached < piece.Length) continue;
            var token = order.Tokens[i];
            mask[token >> 6] |= 1UL << token;
        }

        return mask;
    }
}
