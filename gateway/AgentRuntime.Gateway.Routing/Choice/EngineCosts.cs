using System.Numerics;
using System.Runtime.Intrinsics;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What one request would cost on each engine of a pool, computed for four engines at once: a pool of a thousand is
/// weighed in microseconds. The scratch of decisions, one at a time; allocates nothing once grown.
/// </summary>
internal sealed class EngineCosts
{
    private const int Lanes = 4;
    private const long OpenFlag = 1L << 32;
    private const long ReadingFlag = 1L << 33;

    private double[] _prefill = [];
    private double[] _single = [];
    private double[] _decode = [];
    private double[] _load = [];

    /// <summary>Engines that could serve.</summary>
    public int Count { get; private set; }

    /// <summary>By engine, for reading the prompt alone; infinite where that cannot be.</summary>
    public ReadOnlySpan<double> Prefill => _prefill;

    /// <summary>By engine, for reading the prompt and writing the answer.</summary>
    public ReadOnlySpan<double> Single => _single;

    /// <summary>By engine, for writing the answer alone.</summary>
    public ReadOnlySpan<double> Decode => _decode;

    /// <summary>By engine, the seconds until it has loaded what is asked for; infinite where it cannot.</summary>
    public Span<double> Load(int engines)
    {
        Reserve(engines);
        return _load.AsSpan(0, engines);
    }

    /// <summary>Computes all costs.</summary>
    /// <param name="rows">The engines.</param>
    /// <param name="held">By engine, the leading blocks of the prompt that it holds.</param>
    /// <param name="load">What <see cref="Load"/> gave, filled; empty where every engine has all.</param>
    /// <param name="saved">By blocks held, the tokens before them that cost others nothing; empty for none.</param>
    /// <param name="terms">What is the same for all engines.</param>
    /// <param name="excluded">An engine that must not serve it; -1 for none.</param>
    public void Compute(
        ReadOnlySpan<EngineRow> rows,
        ReadOnlySpan<int> held,
        ReadOnlySpan<double> load,
        ReadOnlySpan<double> saved,
        in CostTerms terms,
        int excluded)
    {
        Reserve(rows.Length);
        Count = 0;
        var last = rows.Length - 1;
        for (var first = 0; first < rows.Length; first += Lanes)
        {
            int i1 = Math.Min(first + 1, last), i2 = Math.Min(first + 2, last), i3 = Math.Min(first + 3, last);
            ref readonly EngineRow r0 = ref rows[first], r1 = ref rows[i1], r2 = ref rows[i2], r3 = ref rows[i3];
            var flags = Vector256.Create(Flags(r0), Flags(r1), Flags(r2), Flags(r3));
            var usable = Has(flags, OpenFlag) & Vector256.GreaterThanOrEqual(
                Vector256.Create(r0.FreshUntil, r1.FreshUntil, r2.FreshUntil, r3.FreshUntil),
                Vector256.Create(terms.Now));
            var loading = Vector256<double>.Zero;
            if (!load.IsEmpty)
            {
                loading = Vector256.Create(load[first], load[i1], load[i2], load[i3]);
                usable &= Vector256.LessThan(loading, Vector256.Create(double.PositiveInfinity));
            }

            // The last token is always computed: its logits are what the answer starts from.
            var blocks = Vector256.Create((double)held[first], held[i1], held[i2], held[i3]);
            var cached = Vector256.Truncate(
                Vector256.Min(blocks * terms.BlockTokens, Vector256.Create(terms.PromptTokens - 1.0))
                * Vector256.Create(r0.CacheTrust, r1.CacheTrust, r2.CacheTrust, r3.CacheTrust));
            var uncached = Vector256.Create((double)terms.PromptTokens) - cached;
            var running = Vector256.Create((double)r0.Running, r1.Running, r2.Running, r3.Running);
            var full = Vector256.GreaterThanOrEqual(
                    running, Vector256.Create((double)r0.MaxRunning, r1.MaxRunning, r2.MaxRunning, r3.MaxRunning))
                | Vector256.LessThan(
                    Vector256.Create(r0.KvFreeTokens, r1.KvFreeTokens, r2.KvFreeTokens, r3.KvFreeTokens),
                    Vector256.Create((long)terms.NeedKv)).AsDouble();
            // The second term decides between equals only: where no slope has shown, the less loaded one.
            var decode = (full & Vector256.Create(Candidates.FullPenalty)) + (running * 1e-6)
                + (Vector256.Create(terms.OutputWeight)
                    * (Vector256.Create(r0.DecodeSeconds, r1.DecodeSeconds, r2.DecodeSeconds, r3.DecodeSeconds)
                        + (Vector256.Create(
                                r0.DecodeSecondsPerRunning, r1.DecodeSecondsPerRunning,
                                r2.DecodeSecondsPerRunning, r3.DecodeSecondsPerRunning)
                            * ((running * 2) + Vector256<double>.One))));
            var queue = (Vector256.Abs(
                        Vector256.Create(r0.BusyUntil, r1.BusyUntil, r2.BusyUntil, r3.BusyUntil)
                        - Vector256.Create(terms.Now))
                    & Has(flags, ReadingFlag))
                + Vector256.Create(r0.ForeignSeconds, r1.ForeignSeconds, r2.ForeignSeconds, r3.ForeignSeconds);
            if (!terms.Ahead.IsNone)
            {
                queue += Vector256.Create(
                    terms.Ahead.Seconds(r0, first), terms.Ahead.Seconds(r1, i1),
                    terms.Ahead.Seconds(r2, i2), terms.Ahead.Seconds(r3, i3));
            }

            var prefill =
                Vector256.Create(r0.OverheadSeconds, r1.OverheadSeconds, r2.OverheadSeconds, r3.OverheadSeconds)
                + (uncached
                    * (Vector256.Create(r0.TokenSeconds, r1.TokenSeconds, r2.TokenSeconds, r3.TokenSeconds)
                        + (Vector256.Create(
                                r0.TokenSecondsPerRunning, r1.TokenSecondsPerRunning,
                                r2.TokenSecondsPerRunning, r3.TokenSecondsPerRunning)
                            * running)));
            var stall = Vector256.Create(r0.PrefillStall, r1.PrefillStall, r2.PrefillStall, r3.PrefillStall)
                * terms.StreamDelayWeight * running;
            var lost = uncached;
            if (!saved.IsEmpty)
            {
                var gained = Vector256.Create(saved[held[first]], saved[held[i1]], saved[held[i2]], saved[held[i3]]);
                lost = Vector256.Max(
                    Vector256<double>.Zero, uncached - (Vector256.Create(saved[^1]) - gained));
            }

            var cost = queue + (prefill * (Vector256<double>.One + stall))
                + (terms.Congestion.Factor(queue) * terms.TokenSeconds * lost) + loading;
            Store(_prefill, first, cost, usable & Has(flags, (long)EngineRoles.Prefill));
            Store(_single, first, cost + decode, usable & Has(flags, (long)terms.Alone));
            Store(_decode, first, decode + loading + Vector256.Create(terms.TransferSetup)
                + (uncached * terms.TransferToken), usable & Has(flags, (long)EngineRoles.Decode));
            var lanes = usable.ExtractMostSignificantBits() & ((1u << Math.Min(Lanes, rows.Length - first)) - 1);
            Count += BitOperations.PopCount(lanes);
            if (excluded >= first && excluded < first + Lanes && (lanes >> (excluded - first) & 1) != 0)
                Exclude(excluded);
        }
    }

    private static long Flags(in EngineRow row) =>
        (long)row.Roles | (row.Open ? OpenFlag : 0) | (row.Prefilling != 0 ? ReadingFlag : 0);

    private static Vector256<double> Has(Vector256<long> flags, long all) =>
        Vector256.Equals(flags & Vector256.Create(all), Vector256.Create(all)).AsDouble();

    private static void Store(double[] to, int first, Vector256<double> costs, Vector256<double> where) =>
        Vector256.ConditionalSelect(where, costs, Vector256.Create(double.PositiveInfinity))
            .StoreUnsafe(ref to[first]);

    private void Exclude(int engine)
    {
        _prefill[engine] = _single[engine] = _decode[engine] = double.PositiveInfinity;
        Count--;
    }

    private void Reserve(int engines)
    {
        var padded = (engines + Lanes - 1) & -Lanes;
        if (_prefill.Length >= padded)
            return;
        (_prefill, _single) = (new double[padded], new double[padded]);
        (_decode, _load) = (new double[padded], new double[padded]);
    }
}
