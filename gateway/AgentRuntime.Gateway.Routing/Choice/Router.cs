using System.Runtime.InteropServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// The choice of an engine or a pair. Cost of an engine is the time to first token there, plus what its use costs
/// others: each second of prefill delays those who come after (<see cref="Congestion"/>), and the running answers by
/// the share of prefill in which they stand still. Because cached tokens save work and
/// not just waiting, affinity grows with load and costs nothing when the pool is idle; a prefix that every engine
/// holds cancels out. Reads the pool and writes nothing but its scratch. Allocates nothing.
/// </summary>
internal sealed class Router(RoutingOptions options)
{
    private readonly EngineCosts _costs = new();
    private int _rotor;

    /// <summary>The best choice now; <see cref="Choice.None"/> when no engine is open.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="request">The request.</param>
    /// <param name="tenant">Its tenant's share; null for a newcomer.</param>
    /// <param name="excluded">An engine that must not serve it; -1 for none.</param>
    /// <param name="now">The time.</param>
    /// <param name="front">The engine in whose queue it is in front of all others; -1 for none.</param>
    /// <param name="self">Its slot among the requests under way; -1 when it is not one of them.</param>
    public Choice Decide(
        ModelPool pool,
        in RouteRequest request,
        TenantShare? tenant,
        int excluded,
        double now,
        int front = -1,
        int self = -1)
    {
        var rows = pool.Rows;
        var matches = pool.Matches;
        pool.Index.Match(request.Blocks.Span, matches);
        var expected = pool.Shared.Expect(request.Blocks.Span, matches, front, self);
        var start = rows.Length == 0 ? 0 : (int)((uint)_rotor++ % (uint)rows.Length);
        var tokenSeconds = Congestion.TokenSeconds(rows, start);
        var ahead = new WorkAhead(pool, tenant, options.Classes[request.Class].Priority, front, tokenSeconds);
        var congestion = new Congestion(rows, start, ahead, pool.MeanPrefillSeconds, now);
        var allowSingle = options.Disaggregation != DisaggregationMode.Always;
        var allowPair = options.Disaggregation != DisaggregationMode.Never && !request.Colocated;
        var (transferSetup, transferToken) = pool.Transfer.Line;
        var saved = pool.Shared.SavedTokens(
            request.Blocks.Span, matches, rows, congestion.Factor(0), options.BlockTokens);
        var terms = new CostTerms
        {
            PromptTokens = request.PromptTokens,
            BlockTokens = options.BlockTokens,
            NeedKv = request.PromptTokens + request.ExpectedOutputTokens,
            OutputWeight = options.StreamDelayWeight * request.ExpectedOutputTokens,
            StreamDelayWeight = options.StreamDelayWeight,
            TokenSeconds = tokenSeconds,
            TransferSetup = transferSetup,
            TransferToken = transferToken,
            Congestion = congestion,
            Ahead = ahead,
            Now = now,
            Alone = EngineRoles.Both,
        };
        var load = LoadSeconds(pool, request.Lora);
        _costs.Compute(rows, matches.Held(rows.Length), load, saved, terms, excluded);
        var best = Best(pool, start, allowPair);
        if (best is { Single.Engine: < 0, Pair.Prefill: < 0 } && DecodesAlone(pool, request, excluded))
        {
            terms = terms with { Alone = EngineRoles.Decode };
            _costs.Compute(rows, matches.Held(rows.Length), load, saved, terms, excluded);
            best = Best(pool, start, allowPair: false);
        }

        var pair = best.Pair.Cost < double.PositiveInfinity && (!allowSingle || best.Pair.Cost < best.Single.Cost);
        var chosen = pair ? best.Pair.Prefill : best.Single.Engine;
        return chosen < 0
            ? Choice.None
            : Explain(pool, request, best, pair, ahead, congestion, expected, now);
    }

    /// <summary>Whether some engine could serve the request if it were not saturated.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="lora">The request's adapter; 0 for the base model.</param>
    /// <param name="excluded">An engine that must not serve it; -1 for none.</param>
    /// <param name="mode">Whether two engines may share it.</param>
    public static bool AnyEngine(ModelPool pool, int lora, int excluded, DisaggregationMode mode)
    {
        EngineRoles roles = 0;
        var adapters = pool.Adapters.Of(lora);
        for (var engine = 0; engine < pool.Places; engine++)
        {
            ref readonly var row = ref pool.Row(engine);
            if (!row.Open || engine == excluded || adapters[engine] == AdapterState.Absent)
                continue;
            roles = mode == DisaggregationMode.Never ? row.Roles : roles | row.Roles;
            if (roles == EngineRoles.Both)
                return true;
        }

        return false;
    }

    /// <summary>How much of a prompt an engine is believed to hold, and how long it takes to read the rest.</summary>
    public (int CachedTokens, double Seconds) Reading(ModelPool pool, in RouteRequest request, int engine)
    {
        pool.Index.Match(request.Blocks.Span, pool.Matches);
        return Read(pool, request, engine);
    }

    /// <summary>
    /// Whether engines that only write answers must read the prompt too: some could read it, but none of them can move
    /// what it has read to an engine that writes.
    /// </summary>
    private bool DecodesAlone(ModelPool pool, in RouteRequest request, int excluded)
    {
        if (options.Disaggregation == DisaggregationMode.Never)
            return false;
        EngineRoles roles = 0;
        int prefill = 0, decode = 0;
        var adapters = pool.Adapters.Of(request.Lora);
        for (var engine = 0; engine < pool.Places; engine++)
        {
            ref readonly var row = ref pool.Row(engine);
            if (!row.Open || engine == excluded || adapters[engine] == AdapterState.Absent)
                continue;
            roles |= row.Roles;
            var group = 1 << pool.TransferGroups[engine];
            prefill |= (row.Roles & EngineRoles.Prefill) != 0 ? group : 0;
            decode |= (row.Roles & EngineRoles.Decode) != 0 ? group : 0;
        }

        const int NoGroup = 1;
        return roles == EngineRoles.Both && (request.Colocated || (prefill & decode & ~NoGroup) == 0);
    }

    private Candidates Best(ModelPool pool, int start, bool allowPair)
    {
        var best = new Candidates { Count = _costs.Count };
        // Which of equals comes first takes turns.
        OfferSingle(ref best, _costs.LeastSingle, start, pool.Places);
        OfferSingle(ref best, _costs.LeastSingle, 0, start);
        for (byte group = 1; allowPair && group <= EngineDescription.MaxTransferGroup; group++)
        {
            var groups = pool.TransferGroups;
            if (!groups.Contains(group))
                continue;
            var offers = new PairOffers(group);
            offers.Offer(groups, _costs.Prefill, _costs.Decode, start, pool.Places);
            offers.Offer(groups, _costs.Prefill, _costs.Decode, 0, start);
            if (offers.Best() is var pair && pair.Cost < best.Pair.Cost)
                best.Pair = pair;
        }

        return best;
    }

    private void OfferSingle(ref Candidates best, double cost, int from, int to)
    {
        if (best.Single.Engine >= 0 || !(cost < double.PositiveInfinity))
            return;
        // Of numbers only equal bits are looked for in many places at once.
        var bits = MemoryMarshal.Cast<double, long>(_costs.Single[from..to]);
        if (bits.IndexOf(BitConverter.DoubleToInt64Bits(cost)) is >= 0 and var engine)
            best.Single = (from + engine, cost);
    }

    /// <summary>By engine, what it takes to have the adapter there; empty where that is nothing.</summary>
    private ReadOnlySpan<double> LoadSeconds(ModelPool pool, int lora)
    {
        var adapters = pool.Adapters.Of(lora);
        // As for a base model almost always: then there is nothing to look up for each engine.
        if (!MemoryMarshal.AsBytes(adapters).ContainsAnyExcept((byte)AdapterState.Loaded))
            return [];
        var load = _costs.Load(pool.Places);
        for (var engine = 0; engine < load.Length; engine++)
        {
            load[engine] = adapters[engine] switch
            {
                AdapterState.Absent => double.PositiveInfinity,
                AdapterState.Loaded => 0,
                _ => SecondsToLoad(pool, engine),
            };
        }

        return load;
    }

    /// <summary>
    /// An engine that is at work on as many adapters as it can hold loads another one when one of those has ended,
    /// which takes about as long again.
    /// </summary>
    private double SecondsToLoad(ModelPool pool, int engine) =>
        pool.Adapters.IsFull(engine) ? 2 * options.LoraLoadSeconds : options.LoraLoadSeconds;

    /// <summary>The same of an index that has been asked.</summary>
    private (int CachedTokens, double Seconds) Read(ModelPool pool, in RouteRequest request, int engine)
    {
        ref readonly var row = ref pool.Row(engine);
        var cached = CachedTokens(request, pool.Matches[engine], row.CacheTrust);
        return (cached, row.PrefillSeconds(request.PromptTokens - cached));
    }

    private int CachedTokens(in RouteRequest request, int blocks, double trust) =>
        // The last token is always computed: its logits are what the answer starts from.
        (int)(Math.Min((long)blocks * options.BlockTokens, request.PromptTokens - 1) * trust);

    private Choice Explain(
        ModelPool pool,
        in RouteRequest request,
        in Candidates best,
        bool pair,
        in WorkAhead ahead,
        in Congestion congestion,
        bool expected,
        double now)
    {
        var prefill = pair ? best.Pair.Prefill : best.Single.Engine;
        var decode = pair ? best.Pair.Decode : prefill;
        ref readonly var row = ref pool.Row(prefill);
        var (cached, seconds) = Read(pool, request, prefill);
        var queue = row.QueueSeconds(now) + ahead.Seconds(row, prefill);
        return new()
        {
            Prefill = prefill,
            Decode = decode,
            CachedTokens = cached,
            PrefillSeconds = seconds,
            IsExpected = expected,
            Cost = pair ? best.Pair.Cost : best.Single.Cost,
            Explanation = new()
            {
                Candidates = best.Count,
                CachedTokens = cached,
                BestCachedTokens = CachedTokens(request, pool.Matches.Longest, 1),
                QueueSeconds = queue,
                PrefillSeconds = seconds,
                TransferSeconds = pair
                    ? pool.Transfer.Seconds(request.PromptTokens
                        - CachedTokens(request, pool.Matches[decode], pool.Row(decode).CacheTrust))
                    : 0,
                Congestion = congestion.Factor(queue),
                ColocatedCost = best.Single.Cost,
                PairCost = best.Pair.Cost,
            },
        };
    }
}
