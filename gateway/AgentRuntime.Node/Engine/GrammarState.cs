using System.Text;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// A grammar of llama.cpp and how far an answer is in it. One that waits for a call looks at the answer's last bytes
/// only, and a token that begins a call and goes on in a way that the grammar does not is not taken: llama.cpp's lazy
/// grammars search the whole answer after each token, and end the process then. Owned by the engine's thread.
/// </summary>
internal sealed unsafe class GrammarState : IDisposable
{
    /// <summary>Places times tokens: llama.cpp tries each token at each place.</summary>
    private const int MostTries = 64_000_000;

    private static readonly byte[] CallStart = Encoding.UTF8.GetBytes(ToolFormat.CallStart);

    private readonly LoadedModel _model;
    private readonly GbnfSymbol _root;
    private readonly byte[] _text;
    private readonly byte[] _seen = new byte[CallStart.Length - 1];
    private readonly List<int> _refused = [];
    private int _seenBytes;
    private bool _waits;
    private SamplerHandle _sampler;
    private GrammarPaths _paths;

    private GrammarState(LoadedModel model, OutputGrammar grammar)
    {
        _model = model;
        _root = grammar.Root;
        _text = Encoding.UTF8.GetBytes(grammar.Gbnf + "\0");
        _waits = grammar.OnlyAfterCallStart;
        (_sampler, _paths) = Start();
    }

    /// <summary>
    /// Whether the answer may go on in more ways than llama.cpp can try while others wait: no token is to be chosen any
    /// more.
    /// </summary>
    public bool IsTooWide => !_paths.IsBounded;

    /// <summary>Starts a grammar; null when llama.cpp does not read it.</summary>
    public static GrammarState? Create(OutputGrammar grammar, LoadedModel model)
    {
        var state = new GrammarState(model, grammar);
        if (!state._sampler.IsInvalid) return state;
        state.Dispose();
        return null;
    }

    /// <summary>Takes the tokens out that cannot come next.</summary>
    /// <param name="candidates">Every token of the vocabulary, in its order.</param>
    public void Restrict(LlamaTokenDataArray* candidates)
    {
        foreach (var token in _refused) candidates->Data[token].Logit = float.NegativeInfinity;
        if (!_waits) Llama.SamplerApply(_sampler, candidates);
    }

    /// <summary>
    /// Goes on with a token that was not taken out; false when it cannot come after all, and is taken out until another
    /// has come. One after which the grammar <see cref="IsTooWide"/> is not passed on.
    /// </summary>
    public bool TryAccept(int token)
    {
        if (!_waits)
        {
            Accept(token);
        }
        else if (EndOfCallStart(_model.Piece(token)) is not { } end)
        {
            Remember(_model.Piece(token));
        }
        else if (Begin(_model.Piece(token)[end..]))
        {
            _waits = false;
        }
        else
        {
            _refused.Add(token);
            return false;
        }

        _refused.Clear();
        return true;
    }

    public void Dispose() => _sampler.Dispose();

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

    /// <summary>Begins the grammar with what comes in one token with the start of the call.</summary>
    private bool Begin(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty) return true;
        var tokens = _model.Tokenize(Encoding.UTF8.GetString(rest), addSpecial: false, parseSpecial: false);
        var left = rest;
        foreach (var token in tokens)
        {
            var piece = _model.Piece(token);
            if (IsTooWide || !left.StartsWith(piece) || !Fits(token)) break;
            Accept(token);
            left = left[piece.Length..];
        }

        if (left.IsEmpty || IsTooWide) return true;
        _sampler.Dispose();
        (_sampler, _paths) = Start();
        return false;
    }

    private void Accept(int token)
    {
        if (_model.EndsGeneration(token) || _paths.TryFollow(_model.Piece(token))) Llama.SamplerAccept(_sampler, token);
    }

    private bool Fits(int token)
    {
        var only = new LlamaTokenData { Token = token };
        var candidates = new LlamaTokenDataArray { Data = &only, Size = 1, Selected = -1 };
        Llama.SamplerApply(_sampler, &candidates);
        return only.Logit == 0;
    }

    private (SamplerHandle Sampler, GrammarPaths Paths) Start()
    {
        var paths = new GrammarPaths(_root, Math.Clamp(MostTries / _model.VocabularySize, 64, 1_000));
        fixed (byte* text = _text)
        fixed (byte* root = "root\0"u8)
            return (Llama.SamplerGrammar(_model.Vocabulary, text, root), paths);
    }
}
