using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Simulation;

/// <summary>
/// Writes the circle from where the prompt ends, for a length drawn from the seeds and the prompt. Owned by the
/// engine's thread.
/// </summary>
internal sealed class SimulatedSampler : ITokenSampler
{
    private int _last;
    private int _left;

    public SimulatedSampler(GenerationRequest request, SimulationOptions options)
    {
        _last = request.Prompt[^1];
        if (request.IgnoreEnd)
        {
            _left = int.MaxValue;
            return;
        }

        var hash = new HashCode64(options.Seed);
        hash.Add(request.Sampling.Temperature <= 0 ? 0 : request.Sampling.Seed);
        foreach (var token in request.Prompt.AsSpan(Math.Max(0, request.Prompt.Length - 64))) hash.Add((uint)token);
        // From half to one and a half times the mean.
        _left = Math.Max(1, (int)(options.OutputTokens * (0.5 + hash.Fraction)));
    }

    public int Sample(ReadOnlySpan<float> logits, LlamaTokenData[] candidates)
    {
        if (_left-- <= 0) return SimulatedVocabulary.TurnEnd;
        return _last = SimulatedVocabulary.Successor(_last);
    }

    public void Dispose()
    {
        // Nothing is held.
    }

    /// <summary>FNV-1a in 64 bits: the same on every machine and in every process.</summary>
    private struct HashCode64(int seed)
    {
        private ulong _value = 14695981039346656037 ^ (uint)seed;

        /// <summary>The hash as a number of [0, 1).</summary>
        public readonly double Fraction => ((_value ^ (_value >> 31)) * 0x9E3779B97F4A7C15 >> 11) / (double)(1UL << 53);

        public void Add(uint value) => _value = (_value ^ value) * 1099511628211;
    }
}
