namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Who goes next on an engine: the first class first; within it the tenant that was served least (VTC, OSDI'24), except
/// that one who is ahead by no more than the deficit goes first when more of its prompt is cached (D2LPM, 2501.14312),
/// as long as that one's first token is not overdue: what is cached costs its tenant nearly nothing, and could go first
/// hundreds of times; within the tenant what is due first. Pure.
/// </summary>
internal static class FairOrder
{
    public static RequestEntry? Next(EngineQueue queue, RoutingOptions options, double now)
    {
        var priority = int.MaxValue;
        var (least, due) = (double.PositiveInfinity, double.PositiveInfinity);
        foreach (var lane in queue.Lanes)
        {
            if (lane.Peek() is not { } head)
                continue;
            var p = Priority(head, options, now);
            if (p < priority || (p == priority && lane.Tenant.Served < least))
                (priority, least, due) = (p, lane.Tenant.Served, head.Due);
        }

        var deficit = due < now ? 0 : options.LocalityDeficitTokens;
        RequestEntry? best = null;
        var bestCached = -1.0;
        foreach (var lane in queue.Lanes)
        {
            if (lane.Peek() is not { } head || Priority(head, options, now) != priority
                || lane.Tenant.Served > least + (deficit / lane.Tenant.Weight))
                continue;
            var cached = (double)head.CachedTokens / head.Request.PromptTokens;
            if (best is null || cached > bestCached
                || (cached == bestCached && lane.Tenant.Served < best.Tenant.Served))
                (best, bestCached) = (head, cached);
        }

        return best;
    }

    private static int Priority(RequestEntry head, RoutingOptions options, double now)
    {
        var service = options.Classes[head.Request.Class];
        return now - head.QueuedAt >= service.PromoteAfterSeconds ? 0 : service.Priority;
    }
}
