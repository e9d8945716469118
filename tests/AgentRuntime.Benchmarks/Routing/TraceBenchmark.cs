using System.Text.Json.Nodes;
using AgentRuntime.Gateway.Routing;
using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Benchmarks.Routing;

/// <summary>
/// <c>./tests/bench trace --trace FILE --engines 8 --speed 2 [--policy NAME|all]</c>: replays a trace through the
/// routing code and through re-implementations of others' policies, in simulated time.
/// </summary>
internal sealed class TraceBenchmark : IBenchmark
{
    public string Name => "trace";

    public Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var options = new BenchArguments(
            args, "trace", "engines", "speed", "policy", "prefill-rate", "kv-tokens", "interference", "stall",
            "event-delay", "prefill-engines", "decode-engines", "tpot-ms", "requests", "disaggregation");
        var trace = TraceFile.Read(options.Text("trace", "../shared/data/mooncake-conversation.jsonl.xz"));
        if (options.Count("requests", 0) is > 0 and var limit)
            trace = [.. trace.Take(limit)];
        var split = options.Count("prefill-engines", 0) > 0;
        var pool = new SimulationOptions
        {
            Engines = options.Count("engines", split ? 0 : 8),
            PrefillEngines = options.Count("prefill-engines", 0),
            DecodeEngines = options.Count("decode-engines", 0),
            Speed = options.Number("speed", 1),
            PrefillTokensPerSecond = options.Number("prefill-rate", 8000),
            KvTokens = (long)options.Number("kv-tokens", 2_100_000),
            DecodeInterference = options.Number("interference", 0),
            PrefillStall = options.Number("stall", options.Number("interference", 0) > 0 ? 0.5 : 0),
            EventDelaySeconds = options.Number("event-delay", 0),
            DecodeSecondsPerToken = options.Number("tpot-ms", 20) / 1000,
        };
        if (pool.Engines == 0 && (pool.PrefillEngines == 0 || pool.DecodeEngines == 0))
            throw new ArgumentException("--engines, or --prefill-engines and --decode-engines, are to be above 0");
        if (pool.Speed <= 0 || pool.PrefillTokensPerSecond <= 0 || pool.KvTokens < pool.BlockTokens)
            throw new ArgumentException(
                $"--speed and --prefill-rate are to be above 0, and --kv-tokens at least {pool.BlockTokens}");
        var routing = TraceSimulation.RoutingFor(pool) with
        {
            Disaggregation = Enum.Parse<DisaggregationMode>(options.Text("disaggregation", "auto"), ignoreCase: true),
        };
        var policy = options.Text("policy", "all");
        var result = new JsonObject();
        foreach (var name in policy == "all" ? TraceSimulation.Policies : [policy])
        {
            cancellationToken.ThrowIfCancellationRequested();
            var figures = TraceSimulation.Run(name, trace, pool, routing);
            result[name] = Describe(figures);
            Console.Error.WriteLine($"{name,-15} {result[name]!.ToJsonString()}");
        }

        return Task.FromResult(result);
    }

    private static JsonObject Describe(SimulationFigures figures) => new()
    {
        ["ttft_mean_s"] = Math.Round(figures.TtftMeanSeconds, 3),
        ["ttft_p50_s"] = Math.Round(figures.TtftP50Seconds, 3),
        ["ttft_p90_s"] = Math.Round(figures.TtftP90Seconds, 3),
        ["ttft_p99_s"] = Math.Round(figures.TtftP99Seconds, 3),
        ["tpot_ms_p50"] = Math.Round(figures.TpotP50Seconds * 1000, 2),
        ["block_hit_ratio"] = Math.Round(figures.BlockHitRatio, 4),
        ["oracle_share"] = Math.Round(figures.OracleShare, 4),
        ["goodput_rps"] = Math.Round(figures.GoodputPerSecond, 3),
        ["imbalance"] = Math.Round(figures.Imbalance, 3),
        ["speedup"] = Math.Round(figures.Speedup, 0),
    };
}
