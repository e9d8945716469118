using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// A grammar and how far an answer is in it. One of calls waits for the first one, and a token that begins it and goes
/// on in a way that the grammar does not is not taken. Owned by the engine's thread.
/// </summary>
internal sealed unsafe class GrammarState
{
    /// <summary>Tokens that are tried in one place of an answer, and lead to where no item can be ended.</summary>
    private const int MostRefused = 16;

    private readonly LoadedModel _model;
    private readonly List<int> _refused = [];
    private readonly bool _isOfCalls;
    private TokenGrammar _grammar;
    private AnswerPlace _at;
    private bool _hasNoWayOn;
    private CallWatch? _calls;

    /// <summary>Whether the grammar does not hold: before calls, and where there are none.</summary>
    private bool _isFree;

    /// <exception cref="FormatException">The grammar does not parse.</exception>
    public GrammarState(OutputGrammar grammar, LoadedModel model)
    {
        _model = model;
        _isFree = !grammar.HoldsFromStart;
        _calls = _isFree ? CallWatch.Of(grammar.Calls!) : null;
        _grammar = (grammar.Calls is null ? model.Grammars : model.CallGrammars).Get(grammar);
        _isOfCalls = grammar.Calls is not null;
        _at = _grammar.Start;
    }

    /// <summary>
    /// Whether to find out how the answer may go on would hold up others: no token is to be chosen any more.
    /// </summary>
    public bool IsTooWide => _at.IsTooWide;

    /// <summary>Takes the tokens out that cannot come next.</summary>
    /// <param name="candidates">Every token of the vocabulary, in its order.</param>
    public void Restrict(Span<LlamaTokenData> candidates)
    {
        foreach (var token in _refused) candidates[token].Logit = float.NegativeInfinity;
        if (_isFree || IsTooWide) return;
        if (_grammar.Allowed(_at, _hasNoWayOn) is not { } allowed)
        {
            _at = new(GrammarCursor.TooWide);
            return;
        }

        for (var i = 0; i < candidates.Length; i++)
            if ((allowed[i >> 6] >> i & 1) == 0)
                candidates[i].Logit = float.NegativeInfinity;
    }

    /// <summary>Goes on with a token; false when it cannot come next, and is not taken.</summary>
    public bool TryAccept(int token)
    {
        var piece = _isOfCalls ? _model.CallGrammarPiece(token) : _model.Piece(token);
        if (_isFree ? !TryBegin(piece) : !TryFollow(token, piece))
        {
            if (_isFree) _refused.Add(token);
            return false;
        }

        _refused.Clear();
        _hasNoWayOn = false;
        return true;
    }

    /// <summary>Goes on outside of calls; false where calls begin that the grammar does not have.</summary>
    private bool TryBegin(ReadOnlySpan<byte> piece)
    {
        if (_calls?.Begin(piece, out var written) is not { } hasBegun)
        {
            _calls = null;
            return true;
        }

        if (!hasBegun)
        {
            _calls.Keep(piece);
            return true;
        }

        if (_grammar.Follow(_at, written) is not { IsLost: false } at) return false;
        (_at, _isFree, _calls) = (at, false, null);
        return true;
    }

    private bool TryFollow(int token, ReadOnlySpan<byte> piece)
    {
        if (_model.EndsGeneration(token)) return _grammar.MayEnd(_at);
        if (piece.IsEmpty || _grammar.Follow(_at, piece) is not { IsLost: false } next) return false;
        if (_grammar.TellsItems && !_grammar.HasWayOn(next))
        {
            _hasNoWayOn = true;
            _refused.Add(token);
            // Not all of them can be told before they are tried.
            if (_refused.Count > MostRefused) _at = new(GrammarCursor.TooWide);
            return false;
        }

        _at = next;
        if (!_at.IsAlive || !_grammar.IsFull) return true;
        _grammar = _grammar.Anew(_at);
        _at = _grammar.Start;
        return true;
    }
}
