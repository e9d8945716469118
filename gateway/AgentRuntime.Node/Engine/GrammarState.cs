using System.Text;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// A grammar and how far an answer is in it. One that waits for a call looks at the answer's last bytes only, and a
/// token that begins a call and goes on in a way that the grammar does not is not taken. Owned by the engine's thread.
/// </summary>
internal sealed unsafe class GrammarState
{
    private static readonly byte[] CallStart = Encoding.UTF8.GetBytes(ToolFormat.CallStart);

    /// <summary>Tokens that are tried in one place of an answer, and lead to where no item can be ended.</summary>
    private const int MostRefused = 16;

    private readonly LoadedModel _model;
    private readonly byte[] _seen = new byte[CallStart.Length - 1];
    private readonly List<int> _refused = [];
    private TokenGrammar _grammar;
    private AnswerPlace _at;
    private bool _hasNoWayOn;
    private int _seenBytes;
    private bool _waits;

    /// <exception cref="FormatException">The grammar does not parse.</exception>
    public GrammarState(OutputGrammar grammar, LoadedModel model)
    {
        _model = model;
        _waits = grammar.OnlyAfterCallStart;
        _grammar = model.Grammars.Get(grammar);
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
        if (_waits || IsTooWide) return;
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
        var piece = _model.Piece(token);
        if (!_waits)
        {
            if (!TryFollow(token, piece)) return false;
        }
        else if (EndOfCallStart(piece) is not { } end)
        {
            Remember(piece);
        }
        else if (_grammar.Follow(_at, piece[end..]) is { IsLost: false } begun)
        {
            (_at, _waits) = (begun, false);
        }
        else
        {
            _refused.Add(token);
            return false;
        }

        _refused.Clear();
        _hasNoWayOn = false;
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

    /// <summary>Where in a piece the first start of a call ends; null when none does.</summary>
    private int? EndOfCallStart(ReadOnlySpan<byte> piece)
    {
        if (!piece.Contains(CallStart[^1])) return null;
        Span<byte> bytes = [.. _seen.AsSpan(0, _seenBytes), .. piece];
        var start = bytes.IndexOf(CallStart);
        return start < 0 ? null : start + CallStart.Length - _seenBytes;
    }

    private void Remember(ReadOnlySpan<byte> piece)
    {
        if (piece.Length < _seen.Length)
        {
            var kept = Math.Min(_seenBytes, _seen.Length - piece.Length);
            _seen.AsSpan(_seenBytes - kept, kept).CopyTo(_seen);
            piece.CopyTo(_seen.AsSpan(kept));
            _seenBytes = kept + piece.Length;
        }
        else
        {
            piece[^_seen.Length..].CopyTo(_seen);
            _seenBytes = _seen.Length;
        }
    }
}
