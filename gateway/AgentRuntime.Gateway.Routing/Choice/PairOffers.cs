using System.Numerics;
using System.Runtime.Intrinsics;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// The two best engines for reading the prompt and for writing the answer, of those that can move KV state to one
/// another. Made once for a decision.
/// </summary>
/// <param name="group">Their transfer group; not 0.</param>
internal struct PairOffers(byte group)
{
    private (int Engine, double Cost) _prefill = (-1, double.PositiveInfinity);
    private (int Engine, double Cost) _prefillSecond = (-1, double.PositiveInfinity);
    private (int Engine, double Cost) _decode = (-1, double.PositiveInfinity);
    private (int Engine, double Cost) _decodeSecond = (-1, double.PositiveInfinity);

    /// <summary>
    /// Takes the engines of a range, in its order: of equals the first ones. Four are passed over at once when none of
    /// them is better than the second best.
    /// </summary>
    /// <param name="groups">By engine, its transfer group.</param>
    /// <param name="prefill">By engine, what reading the prompt costs there.</param>
    /// <param name="decode">By engine, what writing the answer costs there.</param>
    /// <param name="from">The first engine.</param>
    /// <param name="to">The one after the last.</param>
    public void Offer(
        ReadOnlySpan<byte> groups, ReadOnlySpan<double> prefill, ReadOnlySpan<double> decode, int from, int to)
    {
        var engine = from;
        for (; engine + Vector256<double>.Count <= to; engine += Vector256<double>.Count)
        {
            var better =
                Vector256.LessThan(Vector256.Create(prefill.Slice(engine)), Vector256.Create(_prefillSecond.Cost))
                | Vector256.LessThan(Vector256.Create(decode.Slice(engine)), Vector256.Create(_decodeSecond.Cost));
            for (var lanes = better.ExtractMostSignificantBits(); lanes != 0; lanes &= lanes - 1)
            {
                var one = engine + BitOperations.TrailingZeroCount(lanes);
                Offer(groups[one], one, prefill[one], decode[one]);
            }
        }

        for (; engine < to; engine++)
            Offer(groups[engine], engine, prefill[engine], decode[engine]);
    }

    /// <summary>The best engine for each part, or the next best where that would be the same one.</summary>
    public readonly (int Prefill, int Decode, double Cost) Best()
    {
        if (_prefill.Engine != _decode.Engine)
            return (_prefill.Engine, _decode.Engine, _prefill.Cost + _decode.Cost);
        var otherDecode = _prefill.Cost + _decodeSecond.Cost;
        var otherPrefill = _prefillSecond.Cost + _decode.Cost;
        return otherDecode <= otherPrefill
            ? (_prefill.Engine, _decodeSecond.Engine, otherDecode)
            : (_prefillSecond.Engine, _decode.Engine, otherPrefill);
    }

    private void Offer(byte of, int engine, double prefill, double decode)
    {
        if (of != group)
            return;
        if (prefill < _prefillSecond.Cost)
            Take(ref _prefill, ref _prefillSecond, engine, prefill);
        if (decode < _decodeSecond.Cost)
            Take(ref _decode, ref _decodeSecond, engine, decode);
    }

    private static void Take(
        ref (int Engine, double Cost) first, ref (int Engine, double Cost) second, int engine, double cost)
    {
        if (cost < first.Cost)
            (second, first) = (first, (engine, cost));
        else
            second = (engine, cost);
    }
}
