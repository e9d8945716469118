namespace AgentRuntime.Gateway.Routing;

/// <content>What responses teach, what they cost, and what time does.</content>
public sealed partial class RoutingCore
{
    private const double MeanUncachedTokens = 1000;
    private const double BusyRefreshSeconds = 0.25;

    /// <summary>
    /// Lets time pass: ends waits that are over, expires what was only supposed, moves what waits for stale engines.
    /// To be called every 20 to 50 ms, followed by <see cref="TryTake"/>.
    /// </summary>
    public void Advance(double now)
    {
        now = Clock(now);
        while (_waits.TryPeek(out var ticket, out var until) && until <= now)
        {
            _waits.Dequeue();
            if (Find(ticket) is { Phase: RequestPhase.Waiting } entry && entry.WaitUntil <= now)
            {
                Unbind(entry);
                Refuse(entry, Abstractions.ReasonCodes.Saturated, ServiceOf(entry.Request).TtftSeconds);
            }
        }

        foreach (var pool in _pools.Values)
        {
            pool.Index.Advance(now);
            var speed = 0.0;
            for (var engine = 0; engine < pool.Places; engine++)
            {
                if (pool.Find(engine) is not { } state)
                    continue;
                ref var row = ref pool.Row(engine);
                if (row.Open && (row.Roles & EngineRoles.Prefill) != 0)
                    speed += 1 / row.TokenSecondsNow;
                if (now - state.BusyShareAt >= BusyRefreshSeconds)
                    TrackBusy(ref row, state, now);
                if (row.FreshUntil < now && state.Queue.Count > 0)
                    RebindAll(state.Queue, now);
                if (state.Queue.Count > 0 && HasRoom(pool, engine, now))
                    List(pool, engine);
                if (state.Source == KvSource.Responses
                    && now - state.DoubtedAt >= _options.Index.UnconfirmedSeconds / 2)
                {
                    // Nothing will ever say what such an engine evicted: what was not used again is forgotten.
                    state.DoubtedAt = now;
                    pool.Index.Doubt(engine, now);
                }
            }

            pool.TokensPerSecond = speed;
        }

        FreePools(now);
    }

    private void TrackBusy(ref EngineRow row, EngineState state, double now)
    {
        var elapsed = now - state.BusyShareAt;
        state.BusyShareAt = now;
        if (elapsed > 0)
            row.BusyShare += ((row.Prefilling > 0 ? 1 : 0) - row.BusyShare)
                * (1 - Math.Exp(-elapsed / Math.Min(Math.Max(now - state.AddedAt, 1), _options.BusyWindowSeconds)));
    }

    /// <summary>The prompt has been read: what the engine still has to read is known anew.</summary>
    private void EndPrefill(RequestEntry entry, double now, int? cachedTokens)
    {
        var state = entry.Pool.Engine(entry.Prefill);
        entry.PrefillEndedAt = now;
        entry.MeasuredPrefillSeconds = 0;
        if (state.Reading[0] == entry)
        {
            entry.MeasuredPrefillSeconds = now - state.ReadingSince;
            state.LastPrefillEndedAt = now;
            state.PrefillBusySeconds += entry.MeasuredPrefillSeconds;
            entry.Pool.LearnMeanPrefill(entry.MeasuredPrefillSeconds);
        }

        StopPrefill(entry, now);
        if (state.Source == KvSource.Responses)
        {
            foreach (var key in entry.Request.Blocks.Span)
                entry.Pool.Index.Store(entry.Prefill, key);
        }

        if (cachedTokens is { } cached)
            LearnCached(entry, cached);
    }

    private void StopPrefill(RequestEntry entry, double now)
    {
        var state = entry.Pool.Engine(entry.Prefill);
        ref var row = ref entry.Pool.Row(entry.Prefill);
        TrackBusy(ref row, state, now);
        row.Prefilling--;
        // One behind the prompt in front was read beside it, or is given up: the one in front is read on.
        if (state.Reading[0] == entry)
            state.ReadingSince = now;
        state.Reading.Remove(entry);
        state.PrefillingSeconds = row.Prefilling == 0 ? 0 : Math.Max(0, state.PrefillingSeconds - entry.PrefillSeconds);
        row.BusyUntil = now + state.PrefillingSeconds;
        List(entry.Pool, entry.Prefill);
    }

    private static double PrefillBusy(ModelPool pool, int engine, double now)
    {
        var state = pool.Engine(engine);
        var current = pool.Row(engine).Prefilling > 0 && double.IsFinite(state.LastPrefillEndedAt)
            ? now - state.LastPrefillEndedAt
            : 0;
        return state.PrefillBusySeconds + current;
    }

    private void LearnCached(RequestEntry entry, int cachedTokens)
    {
        if (entry.CachedTokensKnown)
            return;
        entry.CachedTokensKnown = true;
        var pool = entry.Pool;
        if (ReaderOf(entry) is not { } state)
            return;
        state.Predictor.LearnCached(entry.CachedTokens, cachedTokens);
        var confirmed = Math.Clamp(cachedTokens / _options.BlockTokens, 0, entry.Request.Blocks.Length);
        if (state.Source == KvSource.Responses)
        {
            foreach (var key in entry.Request.Blocks.Span[..confirmed])
                pool.Index.Store(entry.Prefill, key);
        }
        else
        {
            // Where events miss a block they will not say either when it goes: it is believed for a while only.
            pool.Index.Speculate(entry.Prefill, entry.Request.Blocks.Span[..confirmed], _now);
        }

        entry.CachedTokens = cachedTokens;
        LearnPrefill(entry);
    }

    private void LearnPrefill(RequestEntry entry)
    {
        if (ReaderOf(entry) is not { } state)
            return;
        state.Predictor.LearnPrefill(
            entry.UncachedTokens, entry.RunningAtDispatch, entry.MeasuredPrefillSeconds);
        state.Predictor.Publish(ref entry.Pool.Row(entry.Prefill), _options.Prior);
    }

    /// <summary>
    /// The engine that read the prompt; null when it has left by now, and its place may be another's.
    /// </summary>
    private static EngineState? ReaderOf(RequestEntry entry) =>
        entry.Reader is { } reader && ReferenceEquals(entry.Pool.Find(entry.Prefill), reader) ? reader : null;

    private void LearnDecode(RequestEntry entry, int outputTokens, double now)
    {
        // What the client had before came from other engines.
        var tokens = outputTokens - entry.DeliveredTokens - 1;
        if (tokens < 1)
            return;
        var pool = entry.Pool;
        ref var row = ref pool.Row(entry.Decode);
        var state = pool.Engine(entry.Decode);
        var busy = PrefillBusy(pool, entry.Decode, now) - entry.PrefillBusyAtFirstToken;
        state.Predictor.LearnDecode(
            (entry.RunningAtFirstToken + row.Running) / 2.0,
            Math.Max(0, busy) / tokens,
            (now - entry.DecodeStartedAt) / tokens);
        state.Predictor.Publish(ref row, _options.Prior);
    }

    private static void Charge(RequestEntry entry, double tokens)
    {
        entry.Tenant.Served += (tokens - entry.Charged) / entry.Tenant.Weight;
        entry.Tenant.ChargedTokens += tokens - entry.Charged;
        entry.Charged = tokens;
    }

    /// <summary>Charges what the client got: the prompt, if anything came of it, and the tokens that it has.</summary>
    private void SettleUnfinished(RequestEntry entry, bool begun) =>
        Settle(
            entry,
            (begun || entry.DeliveredTokens > 0 ? entry.DispatchedUncachedTokens : 0)
                + (_options.OutputTokenWeight * entry.DeliveredTokens));

    private static void Settle(RequestEntry entry, double tokens) => Charge(entry, tokens);
}
