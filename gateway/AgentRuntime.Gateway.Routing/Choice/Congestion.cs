namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What work costs those who come after, pool-wide. In a queue in order of arrival, work w delays everyone who arrives
/// until the queue is empty: by w · λ(Q + w)/(1−ρ) in all, with arrivals λ = ρ/S for a mean prefill S and backlog Q.
/// With Q = 0 that is ρ/(1−ρ) for a mean request, which knows how busy the pool is but not how far behind: under
/// overload it lets recomputation eat the capacity that is short. So the factor is ρ/(1−ρ) · (1 + a·Q/S) + Q/S + 1.
/// The last term is for what is computed twice: it is also stored twice and evicts something. Decision record 0401 has
/// the figures. Pure.
/// </summary>
internal static class Congestion
{
    private const double MaxBusyShare = 0.95;
    private const double BacklogShare = 0.2;
    private const double StoredTwice = 1;

    private const int EnginesRead = 64;

    /// <summary>
    /// A token's seconds on the mean engine, to which the factor applies: a slow engine gets fewer requests, so a token
    /// there delays fewer others for longer and costs them the same. Of a large pool a part is read, in turn.
    /// </summary>
    public static double TokenSeconds(ReadOnlySpan<EngineRow> rows, int start)
    {
        double speed = 0;
        var count = 0;
        var step = Step(rows.Length);
        for (var engine = start % step; engine < rows.Length; engine += step)
        {
            ref readonly var row = ref rows[engine];
            if (!row.Open || (row.Roles & EngineRoles.Prefill) == 0)
                continue;
            speed += 1 / row.TokenSecondsNow;
            count++;
        }

        return count == 0 ? 0 : count / speed;
    }

    /// <summary>
    /// The factor for a request. What waits behind it because it belongs to others with more than their share does not
    /// count: they pay for their own backlog.
    /// </summary>
    public static double Factor(
        ReadOnlySpan<EngineRow> rows, int start, in WorkAhead ahead, double meanPrefillSeconds, double now)
    {
        double share = 0, backlog = 0, waiting = 0;
        var count = 0;
        var step = Step(rows.Length);
        for (var engine = start % step; engine < rows.Length; engine += step)
        {
            ref readonly var row = ref rows[engine];
            if (!row.Open || (row.Roles & EngineRoles.Prefill) == 0)
                continue;
            share += row.BusyShare;
            var queue = row.QueueSeconds(now);
            backlog += queue + ahead.Seconds(row, engine);
            waiting += queue + row.AllWaitingSeconds;
            count++;
        }

        if (count == 0)
            return 0;
        var busy = Math.Min(MaxBusyShare, share / count);
        var requests = backlog / count / meanPrefillSeconds;
        var ours = waiting > 0 ? Math.Min(1, backlog / waiting) : 1;
        return (ours * busy / (1 - busy) * (1 + (BacklogShare * requests))) + requests + StoredTwice;
    }

    private static int Step(int engines) => Math.Max(1, engines / EnginesRead);
}
