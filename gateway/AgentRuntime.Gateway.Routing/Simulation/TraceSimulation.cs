using System.Diagnostics;

namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>
/// Replays a trace through a router in simulated time: deterministic, single-threaded, and as fast as the router is.
/// </summary>
public static class TraceSimulation
{
    private const double TickSeconds = 0.1;

    /// <summary>The policies by name, ours last.</summary>
    public static IReadOnlyList<string> Policies { get; } =
        ["round_robin", "least_load", "longest_prefix", "llmd_322", "dynamo_linear", "lmetric", "ours"];

    /// <summary>Replays a trace.</summary>
    /// <param name="policy">One of <see cref="Policies"/>.</param>
    /// <param name="trace">The requests, in order of arrival.</param>
    /// <param name="options">The pool.</param>
    /// <param name="routing">Our router's options; null for what suits a trace without classes.</param>
    /// <exception cref="ArgumentException">There is no such policy.</exception>
    public static SimulationFigures Run(
        string policy, IReadOnlyList<TraceRequest> trace, SimulationOptions options, RoutingOptions? routing = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(options);
        var started = Stopwatch.GetTimestamp();
        var run = new SimulationRun(CreateRouter(policy, options, routing), options, trace);
        run.Play(TickSeconds);
        return SimulationFigures.From(run, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>The share of blocks that one shared cache without limit would have had.</summary>
    public static double OracleHitRatio(IEnumerable<TraceRequest> trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        HashSet<BlockKey> seen = [];
        long hits = 0, all = 0;
        foreach (var request in trace)
        {
            var matched = 0;
            while (matched < request.Blocks.Length && seen.Contains(request.Blocks[matched]))
                matched++;
            seen.UnionWith(request.Blocks);
            hits += matched;
            all += request.Blocks.Length;
        }

        return all == 0 ? 0 : (double)hits / all;
    }

    /// <summary>What our router goes by in a trace: one class that nobody is refused in.</summary>
    public static RoutingOptions RoutingFor(SimulationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new()
        {
            Classes =
            [
                new("trace", 0)
                {
                    TtftSeconds = options.GoodTtftSeconds, MaxWaitSeconds = 1e6, PromoteAfterSeconds = 1e6,
                },
            ],
            BlockTokens = options.BlockTokens,
            TransferSecondsPerToken = options.TransferSecondsPerToken,
            MaxWaiting = int.MaxValue,
            MaxWaitingPerTenant = int.MaxValue,
            MaxRequests = int.MaxValue,
        };
    }

    private static SimulatedRouter CreateRouter(string policy, SimulationOptions options, RoutingOptions? routing) =>
        policy switch
        {
            "round_robin" => new PlacementRouter(new RoundRobin(), options),
            "least_load" => new PlacementRouter(new LeastLoad(), options),
            "longest_prefix" => new PlacementRouter(new LongestPrefix(), options),
            "llmd_322" => new PlacementRouter(new WeightedScorers(options.KvTokens), options),
            "dynamo_linear" => new PlacementRouter(new DynamoLinear(options.BlockTokens), options),
            "lmetric" => new PlacementRouter(new LMetric(), options),
            "ours" => new CoreRouter(routing ?? RoutingFor(options), options, seed: 1),
            _ => throw new ArgumentException(
                $"no policy '{policy}'; there are {string.Join(", ", Policies)}", nameof(policy)),
        };
}
