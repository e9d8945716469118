namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>A way to choose an engine that ours is compared with. May keep state; one for each simulation.</summary>
internal abstract class PlacementPolicy
{
    public abstract PlacementView Choose(IReadOnlyList<PlacementView> engines);

    /// <summary>The engine with the lowest cost, the first of equals in an order that rotates.</summary>
    protected PlacementView Least(IReadOnlyList<PlacementView> engines, Func<PlacementView, double> cost)
    {
        var best = engines[Rotation % engines.Count];
        var bestCost = cost(best);
        for (var i = 1; i < engines.Count; i++)
        {
            var engine = engines[(Rotation + i) % engines.Count];
            var engineCost = cost(engine);
            if (engineCost < bestCost)
                (best, bestCost) = (engine, engineCost);
        }

        Rotation++;
        return best;
    }

    private int Rotation { get; set; }
}

/// <summary>One after the other.</summary>
internal sealed class RoundRobin : PlacementPolicy
{
    public override PlacementView Choose(IReadOnlyList<PlacementView> engines) => Least(engines, static _ => 0);
}

/// <summary>The least work: tokens still to be read.</summary>
internal sealed class LeastLoad : PlacementPolicy
{
    public override PlacementView Choose(IReadOnlyList<PlacementView> engines) =>
        Least(engines, static e => e.WaitingTokens);
}

/// <summary>The longest match, whatever the load; of equals the least work.</summary>
internal sealed class LongestPrefix : PlacementPolicy
{
    public override PlacementView Choose(IReadOnlyList<PlacementView> engines) =>
        Least(engines, static e => (-1e12 * e.MatchedBlocks) + e.WaitingTokens);
}

/// <summary>
/// llm-d's default scorers (llm-d-inference-scheduler, prefix-cache-scorer 3, queue-scorer 2,
/// kv-cache-utilization-scorer 2), each from 0 to 1, the queue's by its place between the shortest and the longest.
/// </summary>
internal sealed class WeightedScorers(long kvTokens) : PlacementPolicy
{
    public override PlacementView Choose(IReadOnlyList<PlacementView> engines)
    {
        var shortest = engines.Min(e => e.WaitingRequests);
        var longest = engines.Max(e => e.WaitingRequests);
        return Least(engines, e =>
        {
            var prefix = e.Blocks == 0 ? 0 : (double)e.MatchedBlocks / e.Blocks;
            var queue = longest == shortest ? 1 : (double)(longest - e.WaitingRequests) / (longest - shortest);
            var cache = 1 - Math.Min(1, (double)e.KvTokens / kvTokens);
            return -((3 * prefix) + (2 * queue) + (2 * cache));
        });
    }
}

/// <summary>
/// Dynamo's KV router (ai-dynamo/dynamo, <c>kv_router/scheduler.rs</c>): overlap weight 1 times blocks to prefill, the
/// waiting ones included, plus blocks in use by what is under way.
/// </summary>
internal sealed class DynamoLinear(int blockTokens) : PlacementPolicy
{
    public override PlacementView Choose(IReadOnlyList<PlacementView> engines) =>
        Least(engines, e => ((e.WaitingTokens + e.UncachedTokens) / (double)blockTokens)
            + ((e.KvTokens + e.PromptTokens) / (double)blockTokens));
}

/// <summary>LMetric (arXiv 2603.15202): tokens to prefill, the waiting ones included, times the batch size.</summary>
internal sealed class LMetric : PlacementPolicy
{
    public override PlacementView Choose(IReadOnlyList<PlacementView> engines) =>
        Least(engines, static e => (double)(e.WaitingTokens + e.UncachedTokens)
            * (e.WaitingRequests + e.RunningRequests + 1));
}
