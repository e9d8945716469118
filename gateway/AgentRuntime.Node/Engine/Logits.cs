using System.Numerics;
using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Engine;

/// <summary>What a pass gives for each token of the vocabulary. Stateless.</summary>
internal static class Logits
{
    /// <summary>
    /// Whether a token can be chosen: none of the values is NaN or +∞, and one at least is finite. −∞ alone says
    /// nothing ill: it is what a model gives to tokens that it never writes.
    /// </summary>
    public static bool AllowAChoice(ReadOnlySpan<float> logits)
    {
        var infinity = new Vector<float>(float.PositiveInfinity);
        var best = -infinity;
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        foreach (var vector in vectors)
        {
            if (!Vector.LessThanAll(vector, infinity)) return false;
            best = Vector.Max(best, vector);
        }

        var most = float.NegativeInfinity;
        for (var i = 0; i < Vector<float>.Count; i++) most = MathF.Max(most, best[i]);
        foreach (var value in logits[(vectors.Length * Vector<float>.Count)..])
        {
            if (!(value < float.PositiveInfinity)) return false;
            most = MathF.Max(most, value);
        }

        return most > float.NegativeInfinity;
    }
}
