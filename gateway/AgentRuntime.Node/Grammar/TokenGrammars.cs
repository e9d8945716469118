namespace AgentRuntime.Node.Grammar;

/// <summary>
/// The grammars that answers were written by of late, so that what was found out for one answer serves the next ones.
/// Thread-safe.
/// </summary>
/// <param name="order">Makes what the vocabulary is; called once.</param>
internal sealed class TokenGrammars(Func<TokenOrder> order)
{
    private const int Most = 16;

    /// <summary>Characters of all; what they are read into takes some ten times as much.</summary>
    private const long MostCharacters = 4 << 20;

    private readonly Lock _lock = new();
    private readonly Lazy<TokenOrder> _order = new(order);
    private readonly LinkedList<TokenGrammar> _kept = [];

    /// <summary>Puts the vocabulary into order, unless it is; takes a tenth of a second where it is large.</summary>
    public void Prepare() => _ = _order.Value;

    /// <summary>The automaton of a grammar.</summary>
    /// <exception cref="FormatException">It does not parse.</exception>
    public TokenGrammar Get(OutputGrammar grammar)
    {
        lock (_lock)
        {
            for (var node = _kept.First; node is not null; node = node.Next)
            {
                if (node.Value.Gbnf != grammar.Gbnf || node.Value.IsOwn != grammar.IsOwn) continue;
                _kept.Remove(node);
                if (node.Value.IsFull) break;
                _kept.AddFirst(node);
                return node.Value;
            }
        }

        var made = new TokenGrammar(grammar.Gbnf, grammar.IsOwn, new(grammar.Root), _order.Value);
        lock (_lock)
        {
            _kept.AddFirst(made);
            while (_kept.Count > 1 && (_kept.Count > Most || _kept.Sum(g => (long)g.Gbnf.Length) > MostCharacters))
                _kept.RemoveLast();
            return made;
        }
    }
}
