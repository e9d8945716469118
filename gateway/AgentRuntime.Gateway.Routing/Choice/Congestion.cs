using System.Runtime.Intrinsics;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What work costs those who come after. In a queue in order of arrival, work w delays everyone who arrives until the
/// queue is empty: by w · λ(Q + w)/(1−ρ) in all, with arrivals λ = ρ/S for a mean prefill S and backlog Q. With Q = 0
/// that is ρ/(1−ρ) for a mean request, which knows how busy the pool is but not how far behind: under overload it lets
/// recomputation eat the capacity that is short. So the factor is ρ/(1−ρ) · (1 + a·Q/S) + Q/S + b. The last term is for
/// what is computed twice: it is also stored twice and evicts something, the sooner the busier the pool is. Q is the
/// pool's mean backlog, moved a little towards the engine's own: an idle engine beside a hot spot delays nobody.
/// Decision records 0401, 0405 and 0408 have the figures, 0406 what shared prefixes take off. Made once for a decision;
/// pure, immutable.
/// </summary>
internal readonly struct Congestion
{
    private const double MaxBusyShare = 0.95;
    private const double BacklogShare = 0.2;
    private const double StoredTwiceAtMost = 1.5;
    private const double StoredTwicePerBusySquared = 3;
    private const double OwnBacklogShare = 0.2;
    private const int EnginesRead = 64;
    private readonly double _ours;
    private readonly double _requests;
    private readonly double _ownRequests;
    private readonly double _storedTwice;

    /// <summary>
    /// Reads the pool. What waits behind the request because it belongs to others with more than their share does not
    /// count: they pay for their own backlog.
    /// </summary>
    public Congestion(
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
            return;
        var busy = Math.Min(MaxBusyShare, share / count);
        _storedTwice = Math.Min(StoredTwiceAtMost, StoredTwicePerBusySquared * busy * busy);
        _ours = (waiting > 0 ? Math.Min(1, backlog / waiting) : 1) * busy / (1 - busy);
        _requests = (1 - OwnBacklogShare) * backlog / count / meanPrefillSeconds;
        _ownRequests = OwnBacklogShare / meanPrefillSeconds;
    }

    /// <summary>The factor for an engine with so much work before the request.</summary>
    public double Factor(double queueSeconds)
    {
        var requests = _requests + (_ownRequests * queueSeconds);
        return (_ours * (1 + (BacklogShare * requests))) + requests + _storedTwice;
    }

    /// <summary>The factors for four engines.</summary>
    public Vector256<double> Factor(Vector256<double> queueSeconds)
    {
        var requests = Vector256.Create(_requests) + (queueSeconds * _ownRequests);
        return ((Vector256<double>.One + (requests * BacklogShare)) * _ours) + requests
            + Vector256.Create(_storedTwice);
    }

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

    private static int Step(int engines) => Math.Max(1, engines / EnginesRead);
}
