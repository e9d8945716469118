using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <content>Requests that wait and are looked at again, since engines came or went.</content>
public sealed partial class RoutingCore
{
    private readonly List<RequestEntry> _moving = [];

    /// <summary>
    /// An engine takes no new work any more, or not all that it took: what waits for it or for any engine goes
    /// elsewhere, and what nobody is left to serve ends, wherever it waits: a prompt for its reader, say, with no
    /// writer any more.
    /// </summary>
    private void RebindAround(ModelPool pool, int engine, double now)
    {
        _moving.Clear();
        Collect(pool.Unbound);
        for (var other = 0; other < pool.Places; other++)
        {
            if (pool.Find(other) is { } state)
                Collect(state.Queue);
        }

        _moving.RemoveAll(e => e.Prefill >= 0 && e.Prefill != engine
            && Router.AnyEngine(pool, e.Request.Lora, e.Excluded, _options.Disaggregation));
        RebindMoving(now);
    }

    private void RebindAll(EngineQueue queue, double now)
    {
        _moving.Clear();
        Collect(queue);
        RebindMoving(now);
    }

    private void Collect(EngineQueue queue)
    {
        foreach (var lane in queue.Lanes)
            lane.CollectInto(_moving);
    }

    private void RebindMoving(double now)
    {
        foreach (var entry in _moving)
        {
            if (entry.Phase != RequestPhase.Waiting)
                continue;
            Unbind(entry);
            if (IsServable(entry))
            {
                entry.Rebinds = 0;
                Bind(entry, Decide(entry, now), now);
            }
            else
            {
                Refuse(entry, ReasonCodes.NoEngine, retryAfter: 1);
            }
        }
    }

    /// <summary>
    /// Whether some engine could serve the request if none were saturated: only then is there something to wait for.
    /// The engine that failed it is avoided no longer when there is no other; one that its caller avoids stays so.
    /// </summary>
    private bool IsServable(RequestEntry entry)
    {
        if (Router.AnyEngine(entry.Pool, entry.Request.Lora, entry.Excluded, _options.Disaggregation))
            return true;
        if (entry.Attempts == 0 || entry.Excluded < 0)
            return false;
        entry.Excluded = -1;
        return Router.AnyEngine(entry.Pool, entry.Request.Lora, entry.Excluded, _options.Disaggregation);
    }
}
