using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// Chooses tokens for one generation: plain greedy here, everything else by a chain of llama.cpp's samplers in vLLM's
/// order (bias, penalties, grammar, temperature, min-p, top-k, top-p, draw). Owned by the engine's thread.
/// </summary>
internal sealed unsafe class TokenSampler : ITokenSampler
{
    private const int PenaltyWindowTokens = 1 << 16;

    private readonly SamplerHandle? _chain;

    private TokenSampler(SamplerHandle? chain) => _chain = chain;

    /// <summary>Makes a sampler; null when the grammar does not parse.</summary>
    public static TokenSampler? Create(SamplingOptions options, nint vocabulary, int vocabularySize)
    {
        if (options.IsPlainGreedy) return new(null);
        var chain = Llama.SamplerChain(noPerf: 1);
        if (options.LogitBias.Count > 0)
        {
            var biases = options.LogitBias.Select(b => new LlamaLogitBias { Token = b.Key, Bias = b.Value }).ToArray();
            fixed (LlamaLogitBias* first = biases)
                Llama.SamplerAdd(chain, Llama.SamplerLogitBias(vocabularySize, biases.Length, first));
        }

        if (options.HasPenalties)
        {
            Llama.SamplerAdd(chain, Llama.SamplerPenalties(
                vocabularySize, PenaltyWindowTokens, options.RepetitionPenalty, options.FrequencyPenalty,
                options.PresencePenalty));
        }

        if (options.Grammar is { } grammar)
        {
            var sampler = GrammarSampler(grammar, vocabulary);
            if (sampler == 0)
            {
                chain.Dispose();
                return null;
            }

            Llama.SamplerAdd(chain, sampler);
        }

        if (options.Temperature <= 0)
        {
            Llama.SamplerAdd(chain, Llama.SamplerGreedy());
            return new(chain);
        }

        Llama.SamplerAdd(chain, Llama.SamplerTemperature(options.Temperature));
        if (options.MinP > 0) Llama.SamplerAdd(chain, Llama.SamplerMinP(options.MinP, 1));
        if (options.TopK > 0) Llama.SamplerAdd(chain, Llama.SamplerTopK(options.TopK));
        if (options.TopP < 1) Llama.SamplerAdd(chain, Llama.SamplerTopP(options.TopP, 1));
        Llama.SamplerAdd(chain, Llama.SamplerDistribution(options.Seed));
        return new(chain);
    }

    /// <summary>Chooses the next token and remembers it.</summary>
    /// <param name="logits">One value a token of the vocabulary.</param>
    /// <param name="candidates">Scratch memory of the same length.</param>
    public int Sample(ReadOnlySpan<float> logits, LlamaTokenData[] candidates)
    {
        if (_chain is null) return IndexOfMax(logits);
        for (var i = 0; i < logits.Length; i++) candidates[i] = new() { Token = i, Logit = logits[i] };
        fixed (LlamaTokenData* data = candidates)
        {
            var array = new LlamaTokenDataArray { Data = data, Size = (nuint)logits.Length, Selected = -1 };
            Llama.SamplerApply(_chain, &array);
            var token = array.Data[array.Selected].Token;
            Llama.SamplerAccept(_chain, token);
            return token;
        }
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

    private static nint GrammarSampler(OutputGrammar grammar, nint vocabulary)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(grammar.Gbnf + "\0"))
        fixed (byte* root = "root\0"u8)
        fixed (byte* trigger = "[\\s\\S]*?(<tool_call>[\\s\\S]*)\0"u8)
        {
            return grammar.OnlyAfterCallStart
                ? Llama.SamplerLazyGrammar(vocabulary, text, root, &trigger, 1, null, 0)
                : Llama.SamplerGrammar(vocabulary, text, root);
        }
    }
}
