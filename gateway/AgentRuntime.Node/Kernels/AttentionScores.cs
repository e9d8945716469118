using System.Numerics;
using System.Runtime.Intrinsics;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// What an operation of flash attention asks of its scores beside a scale, with ggml's meaning: a cap (Gemma 2, arXiv
/// 2408.00118), a bias by distance (ALiBi, arXiv 2108.12409), sinks, scores of no cell that take their share (gpt-oss).
/// </summary>
internal readonly unsafe struct AttentionScores
{
    private const int ScaleParameter = GraphHook.SavedParameters;
    private const int BiasParameter = ScaleParameter + 1;
    private const int CapParameter = ScaleParameter + 2;

    private readonly float _cap;
    private readonly float _bias;
    private readonly int _heads;
    private readonly float* _sinks;

    public AttentionScores(GgmlTensor* node)
    {
        var parameters = (float*)node->Parameters;
        _cap = parameters[CapParameter];
        _bias = parameters[BiasParameter];
        _heads = (int)node->Source(0)->Counts[2];
        _sinks = node->Source(4) is var sinks && sinks is null ? null : (float*)sinks->Data;
        Scale = _cap == 0 ? parameters[ScaleParameter] : parameters[ScaleParameter] / _cap;
    }

    /// <summary>What queries are multiplied by.</summary>
    public float Scale { get; }

    /// <summary>Makes scores of products: of 64 cells, the row itself being at <paramref name="self"/>.</summary>
    public void Shape(float* scores, int head, int self)
    {
        if (_cap != 0)
        {
            // The hyperbolic tangent, 1 - 2 / (e^2x + 1).
            for (var i = 0; i < AttentionMath.Tile; i += 16)
            {
                var twice = Vector512.Exp(Vector512.Load(scores + i) * 2f);
                var tangent = Vector512<float>.One - (Vector512.Create(2f) / (twice + Vector512<float>.One));
                (tangent * _cap).Store(scores + i);
            }
        }

        if (_bias == 0) return;
        var slope = Slope(head);
        for (var i = 0; i < AttentionMath.Tile; i++) scores[i] -= slope * (self - i);
    }

    /// <summary>What a row's sums are multiplied by in the end.</summary>
    /// <param name="head">The row's head.</param>
    /// <param name="most">Its highest score.</param>
    /// <param name="total">Its weights relative to that, summed.</param>
    public float Share(int head, float most, float total)
    {
        if (_sinks is null) return total == 0 ? 0 : 1 / total;
        var sink = _sinks[head];
        if (sink <= most) return 1 / (total + MathF.Exp(sink - most));
        var factor = MathF.Exp(most - sink);
        return factor / ((total * factor) + 1);
    }

    /// <summary>A head's slope as ggml has it where the number of heads is no power of two.</summary>
    private float Slope(int head)
    {
        var power = 1 << BitOperations.Log2((uint)_heads);
        return head < power
            ? MathF.Pow(MathF.Pow(2, -_bias / power), head + 1)
            : MathF.Pow(MathF.Pow(2, -_bias / 2 / power), (2 * (head - power)) + 1);
    }
}
