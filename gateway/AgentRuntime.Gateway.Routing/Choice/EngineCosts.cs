using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What one request would cost on each engine of a pool, computed for four engines at once: a pool of a thousand is
/// weighed in microseconds. The scratch of decisions, one at a time; allocates nothing once grown.
/// </summary>
internal sealed class EngineCosts
{
    private static readonly Vector256<long> Lanes = Vector256.Create(0L, 1, 2, 3);

    private readonly EngineRow[] _lastRows = new EngineRow[EngineLanes.Count];
    private readonly int[] _lastHeld = new int[EngineLanes.Count];
    private double[] _prefill = [];
    private double[] _single = [];
    private double[] _decode = [];
    private double[] _load = [];
    private Vector256<double> _least;

    /// <summary>Engines that could serve.</summary>
    public int Count { get; private set; }

    /// <summary>By engine, for reading the prompt alone; infinite where that cannot be.</summary>
    public ReadOnlySpan<double> Prefill => _prefill;

    /// <summary>By engine, for reading the prompt and writing the answer.</summary>
    public ReadOnlySpan<double> Single => _single;

    /// <summary>By engine, for writing the answer alone.</summary>
    public ReadOnlySpan<double> Decode => _decode;

    /// <summary>The least of <see cref="Single"/>; infinite when nobody can.</summary>
    public double LeastSingle =>
        Math.Min(Math.Min(_least[0], _least[1]), Math.Min(_least[2], _least[3]));

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
        _least = Vector256.Create(double.PositiveInfinity);
        var ahead = terms.Ahead;
        for (var first = 0; !rows.IsEmpty; first += EngineLanes.Count)
        {
            if (rows.Length < EngineLanes.Count)
                Pad(ref rows, ref held);
            Compute(rows, held, !load.IsEmpty, saved, terms, ahead, first, excluded);
            rows = rows[EngineLanes.Count..];
            held = held[EngineLanes.Count..];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Compute(
        ReadOnlySpan<EngineRow> rows,
        ReadOnlySpan<int> held,
        bool loads,
        ReadOnlySpan<double> saved,
        in CostTerms terms,
        in WorkAhead ahead,
        int first,
        int excluded)
    {
        var engines = new EngineLanes(rows);
        var (busyUntil, freshUntil) = engines.Times();
        var usable = engines.Open & Vector256.GreaterThanOrEqual(freshUntil, Vector256.Create(terms.Now))
            & ~Vector256.Equals(Lanes, Vector256.Create((long)(excluded - first))).AsDouble();
        var loading = Vector256<double>.Zero;
        if (loads)
        {
            loading = Vector256.LoadUnsafe(ref _load[first]);
            usable &= Vector256.LessThan(loading, Vector256.Create(double.PositiveInfinity));
        }

        var (overhead, trust) = engines.Prefill();
        // The last token is always computed: its logits are what the answer starts from.
        var blocks = Vector256.ConvertToDouble(Widen(Vector128.Create(held)));
        var cached = Vector256.Truncate(
            Vector256.Min(blocks * terms.BlockTokens, Vector256.Create(terms.PromptTokens - 1.0)) * trust);
        var uncached = Vector256.Create((double)terms.PromptTokens) - cached;
        var (running, full) = engines.Load(terms.NeedKv);
        var (decodeSeconds, decodePerRunning) = engines.DecodeSeconds();
        // The second term decides between equals only: where no slope has shown, the less loaded one.
        var decode = (full & Vector256.Create(Candidates.FullPenalty)) + (running * 1e-6)
            + (Vector256.Create(terms.OutputWeight)
                * (decodeSeconds + (decodePerRunning * ((running * 2) + Vector256<double>.One))));
        var (stall, foreign) = engines.Others();
        var queue = (Vector256.Abs(busyUntil - Vector256.Create(terms.Now)) & engines.Reading) + foreign;
        if (!ahead.IsNone)
        {
            queue += Vector256.Create(
                ahead.Seconds(rows[0], first), ahead.Seconds(rows[1], first + 1),
                ahead.Seconds(rows[2], first + 2), ahead.Seconds(rows[3], first + 3));
        }

        var (token, tokenPerRunning) = engines.TokenSeconds();
        var prefill = overhead + (uncached * (token + (tokenPerRunning * running)));
        var lost = uncached;
        if (!saved.IsEmpty)
        {
            var gained = Vector256.Create(saved[held[0]], saved[held[1]], saved[held[2]], saved[held[3]]);
            lost = Vector256.Max(Vector256<double>.Zero, uncached - (Vector256.Create(saved[^1]) - gained));
        }

        var cost = queue + (prefill * (Vector256<double>.One + (stall * terms.StreamDelayWeight * running)))
            + (terms.Congestion.Factor(queue) * terms.TokenSeconds * lost) + loading;
        var single = cost + decode;
        var alone = usable & engines.In(terms.Alone);
        Store(_prefill, first, cost, usable & engines.In(EngineRoles.Prefill));
        Store(_single, first, single, alone);
        Store(
            _decode, first, decode + loading + Vector256.Create(terms.TransferSetup) + (uncached * terms.TransferToken),
            usable & engines.In(EngineRoles.Decode));
        _least = Vector256.ConditionalSelect(alone & Vector256.LessThan(single, _least), single, _least);
        Count += BitOperations.PopCount(usable.ExtractMostSignificantBits());
    }

    /// <summary>The last engines, with rows of nobody to make up four.</summary>
    private void Pad(ref ReadOnlySpan<EngineRow> rows, ref ReadOnlySpan<int> held)
    {
        rows.CopyTo(_lastRows);
        held.CopyTo(_lastHeld);
        _lastRows.AsSpan(rows.Length).Clear();
        _lastHeld.AsSpan(held.Length).Clear();
        rows = _lastRows;
        held = _lastHeld;
    }

    private static Vector256<long> Widen(Vector128<int> values) =>
        Vector256.Create(Vector128.WidenLower(values), Vector128.WidenUpper(values));

    private static void Store(double[] to, int first, Vector256<double> costs, Vector256<double> where) =>
        Vector256.ConditionalSelect(where, costs, Vector256.Create(double.PositiveInfinity))
            .StoreUnsafe(ref to[first]);

    private void Reserve(int engines)
    {
        var padded = (engines + EngineLanes.Count - 1) / EngineLanes.Count * EngineLanes.Count;
        if (_prefill.Length >= padded)
            return;
        (_prefill, _single) = (new double[padded], new double[padded]);
        (_decode, _load) = (new double[padded], new double[padded]);
    }
}
