using System.Numerics;
using System.Runtime.InteropServices;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// Chooses tokens for one generation in vLLM's order: bias, penalties, grammar, temperature, min-p, top-k, top-p, draw.
/// Plain greedy, bias and the penalty on what the prompt has too are computed here, the rest by llama.cpp's samplers.
/// Owned by the engine's thread.
/// </summary>
internal sealed unsafe class TokenSampler : ITokenSampler
{
    private const int PenaltyWindowTokens = 1 << 16;

    private readonly SamplingOptions _options;
    private readonly SamplerHandle? _chain;
    private readonly GrammarState? _grammar;
    private readonly KeyValuePair<int, float>[] _biases;
    private readonly HashSet<int> _repeatable = [];

    private TokenSampler(SamplingOptions options, SamplerHandle? chain = null, GrammarState? grammar = null)
    {
        _options = options;
        _biases = [.. options.LogitBias];
        _chain = chain;
        _grammar = grammar;
    }

    /// <summary>Makes a sampler; null when the grammar does not parse.</summary>
    public static TokenSampler? Create(GenerationRequest request, LoadedModel model)
    {
        var options = request.Sampling;
        if (options.IsPlainGreedy) return new(options);
        GrammarState? grammar = null;
        try
        {
            if (options.Grammar is not null) grammar = new(options.Grammar, model);
        }
        catch (FormatException)
        {
            return null;
        }

        var sampler = new TokenSampler(options, Chain(options, model.VocabularySize), grammar);
        if (options.RepetitionPenalty != 1) sampler._repeatable.UnionWith(request.Prompt);
        return sampler;
    }

    /// <inheritdoc/>
    public int Sample(ReadOnlySpan<float> logits, LlamaTokenData[] candidates)
    {
        if (_chain is null) return IndexOfMax(logits);
        if (_grammar is { IsTooWide: true }) return ITokenSampler.TooWide;
        int token;
        // The most likely token of all is that of those which the grammar takes, when it is one of them.
        var restricts = _grammar is not null && _options.Temperature > 0;
        fixed (LlamaTokenData* data = candidates)
        {
            while (true)
            {
                Fill(logits, candidates);
                if (restricts) _grammar!.Restrict(candidates.AsSpan(0, logits.Length));
                var array = new LlamaTokenDataArray { Data = data, Size = (nuint)logits.Length, Selected = -1 };
                Llama.SamplerApply(_chain, &array);
                var isNone = array.Selected < 0 || float.IsNegativeInfinity(array.Data[array.Selected].Logit);
                token = isNone ? ITokenSampler.None : array.Data[array.Selected].Token;
                if (isNone || _grammar is null or { IsTooWide: true } || _grammar.TryAccept(token)) break;
                restricts = true;
            }
        }

        if (_grammar is { IsTooWide: true }) return ITokenSampler.TooWide;
        if (token == ITokenSampler.None) return token;
        Llama.SamplerAccept(_chain, token);
        if (_options.RepetitionPenalty != 1) _repeatable.Add(token);
        return token;
    }

    public void Dispose() => _chain?.Dispose();

    /// <summary>The first index of the greatest value.</summary>
    internal static int IndexOfMax(ReadOnlySpan<float> values)
    {
        var max = values[0];
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        if (vectors.Length > 0)
        {
            var best = vectors[0];
            foreach (var vector in vectors[1..]) best = Vector.Max(best, vector);
            for (var i = 0; i < Vector<float>.Count; i++) max = MathF.Max(max, best[i]);
        }

        foreach (var value in values[(vectors.Length * Vector<float>.Count)..]) max = MathF.Max(max, value);
        return Math.Max(0, values.IndexOf(max));
    }

    private static SamplerHandle Chain(SamplingOptions options, int vocabularySize)
    {
        var chain = Llama.SamplerChain(noPerf: 1);
        if (options.FrequencyPenalty != 0 || options.PresencePenalty != 0)
        {
            Llama.SamplerAdd(chain, Llama.SamplerPenalties(
                vocabularySize, PenaltyWindowTokens, repeat: 1, options.FrequencyPenalty, options.PresencePenalty));
        }

        if (options.Temperature <= 0)
        {
            Llama.SamplerAdd(chain, Llama.SamplerGreedy());
            return chain;
        }

        Llama.SamplerAdd(chain, Llama.SamplerTemperature(options.Temperature));
        if (options.MinP > 0) Llama.SamplerAdd(chain, Llama.SamplerMinP(options.MinP, 1));
        if (options.TopK > 0) Llama.SamplerAdd(chain, Llama.SamplerTopK(options.TopK));
        if (options.TopP < 1) Llama.SamplerAdd(chain, Llama.SamplerTopP(options.TopP, 1));
        Llama.SamplerAdd(chain, Llama.SamplerDistribution(options.Seed));
        return chain;
    }

    /// <summary>The logits with bias, and with the penalty on tokens of the prompt and the answer.</summary>
    private void Fill(ReadOnlySpan<float> logits, LlamaTokenData[] candidates)
    {
        for (var i = 0; i < logits.Length; i++) candidates[i] = new() { Token = i, Logit = logits[i] };
        foreach (var (token, bias) in _biases)
            if ((uint)token < (uint)logits.Length)
                candidates[token].Logit += bias;
        foreach (var token in _repeatable)
        {
            ref var logit = ref candidates[token].Logit;
            logit = logit > 0 ? logit / _options.RepetitionPenalty : logit * _options.RepetitionPenalty;
        }
    }
}
