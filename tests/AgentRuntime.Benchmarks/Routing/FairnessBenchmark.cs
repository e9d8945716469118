using System.Text.Json.Nodes;
using AgentRuntime.Gateway.Routing;
using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Benchmarks.Routing;

/// <summary>
/// <c>./tests/bench fairness</c>: two tenants with equal shares on a pool of eight engines. The victim stays within its
/// share, the other one sends ten times its own. The same requests run first come, first served for comparison.
/// </summary>
internal sealed class FairnessBenchmark : IBenchmark
{
    private const int BlockTokens = 64;

    public string Name => "fairness";

    public Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var options = new BenchArguments(args, "seconds", "seed", "victim-load", "share-rps");
        var seconds = options.Number("seconds", 300);
        var seed = options.Count("seed", 1);
        // Both at 12 a second keep the pool's 64,000 prompt tokens a second about busy with what is not cached.
        var share = options.Number("share-rps", 0) is > 0 and var given ? given : 12.0;
        var victim = Tenant(0, share * options.Number("victim-load", 0.8), seconds).Make(seed);
        var flood = Tenant(1, share * 10, seconds).Make(seed + 1);
        var greedy = Tenant(0, share * 3, seconds).Make(seed + 2);
        var pool = new SimulationOptions { BlockTokens = BlockTokens, KvTokens = 2_000_000 };
        var routing = TraceSimulation.RoutingFor(pool) with
        {
            Classes =
            [
                new SloClass("interactive", 0) { TtftSeconds = 2, MaxWaitSeconds = 30, PromoteAfterSeconds = 30 },
            ],
            MaxWaiting = 4_000,
            MaxWaitingPerTenant = 1_000,
        };
        var both = SyntheticTrace.Merge(victim, flood);
        var alone = TraceSimulation.Run("ours", victim, pool, routing);
        var fair = TraceSimulation.Run("ours", both, pool, routing);
        var oneQueue = routing with { MaxWaiting = 1_000, MaxWaitingPerTenant = 1_000 };
        var fcfs = TraceSimulation.Run(
            "ours", both, pool with { OneTenant = true }, oneQueue with { DueSecondsPerPrefillSecond = 0 });
        var shortFirst = TraceSimulation.Run("ours", both, pool with { OneTenant = true }, oneQueue);
        var contended = TraceSimulation.Run("ours", SyntheticTrace.Merge(greedy, flood), pool, routing);
        (string, SimulationFigures)[] runs =
            [("alone", alone), ("fair", fair), ("fcfs", fcfs), ("contended", contended)];
        foreach (var (name, figures) in runs)
        {
            foreach (var tenant in figures.Tenants)
                Console.Error.WriteLine($"{name,-10} {tenant}");
        }

        return Task.FromResult(new JsonObject
        {
            ["victim_p99_ttft_ratio"] = Round(fair.Tenants[0].TtftP99Seconds / alone.Tenants[0].TtftP99Seconds),
            ["victim_p99_ttft_s"] = Round(fair.Tenants[0].TtftP99Seconds),
            ["victim_alone_p99_ttft_s"] = Round(alone.Tenants[0].TtftP99Seconds),
            ["victim_fcfs_p99_ttft_s"] = Round(fcfs.Tenants[0].TtftP99Seconds),
            ["victim_refused"] = fair.Tenants[0].Refused,
            ["jain_index"] = Round(Jain(contended.Tenants[0].ServedTokens, contended.Tenants[1].ServedTokens)),
            ["throughput_ratio_to_one_queue"] =
                Round(fair.Tenants.Sum(t => t.Tokens) / shortFirst.Tenants.Sum(t => t.Tokens)),
            ["throughput_ratio"] = Round(fair.Tenants.Sum(t => t.Tokens) / fcfs.Tenants.Sum(t => t.Tokens)),
        });
    }

    private static SyntheticTrace Tenant(int number, double requestsPerSecond, double seconds) => new()
    {
        Tenant = number, RequestsPerSecond = requestsPerSecond, Seconds = seconds, BlockTokens = BlockTokens,
        TurnTokens = 1024, TurnSpread = 1.2,
    };

    /// <summary>Jain's fairness index of two shares: 1 when equal, one half when one has it all.</summary>
    private static double Jain(double a, double b) => (a + b) * (a + b) / (2 * ((a * a) + (b * b)));

    private static double Round(double value) => Math.Round(value, 4);
}
