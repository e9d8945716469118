namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>What a replay showed. Immutable.</summary>
public sealed record SimulationFigures
{
    /// <summary>Requests that ended.</summary>
    public required int Requests { get; init; }

    /// <summary>Requests that were refused.</summary>
    public required int Refused { get; init; }

    /// <summary>Mean time to first token, seconds.</summary>
    public required double TtftMeanSeconds { get; init; }

    /// <summary>Its median.</summary>
    public required double TtftP50Seconds { get; init; }

    /// <summary>Its 90th percentile.</summary>
    public required double TtftP90Seconds { get; init; }

    /// <summary>Its 99th percentile.</summary>
    public required double TtftP99Seconds { get; init; }

    /// <summary>Median time per output token after the first, seconds.</summary>
    public required double TpotP50Seconds { get; init; }

    /// <summary>Share of prompt blocks that were cached on the engine that read them.</summary>
    public required double BlockHitRatio { get; init; }

    /// <summary>The same against what one shared cache without limit would have had.</summary>
    public required double OracleShare { get; init; }

    /// <summary>Requests a second whose first token came in good time.</summary>
    public required double GoodputPerSecond { get; init; }

    /// <summary>Prefill time of the busiest engine over the mean of the engines that prefill.</summary>
    public required double Imbalance { get; init; }

    /// <summary>Simulated over real time.</summary>
    public required double Speedup { get; init; }

    /// <summary>The same of each tenant.</summary>
    public required IReadOnlyList<TenantFigures> Tenants { get; init; }

    /// <summary>The value below which a share of sorted values lies.</summary>
    public static double Percentile(ReadOnlySpan<double> sorted, double share) =>
        sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];

    internal static SimulationFigures From(SimulationRun run, double realSeconds)
    {
        List<double> ttft = [];
        List<double> tpot = [];
        long hits = 0, blocks = 0;
        var good = 0;
        foreach (var request in run.Requests)
        {
            if (double.IsNaN(request.EndedAt))
                continue;
            var first = request.FirstTokenAt - request.ArrivesAt;
            ttft.Add(first);
            if (first <= run.Options.GoodTtftSeconds)
                good++;
            if (request.Trace.OutputTokens > 1)
                tpot.Add((request.EndedAt - request.FirstTokenAt) / (request.Trace.OutputTokens - 1));
            hits += request.CachedBlocks;
            blocks += request.Trace.Blocks.Length;
        }

        ttft.Sort();
        tpot.Sort();
        double[] times = [.. ttft];
        var hitRatio = blocks == 0 ? 0 : (double)hits / blocks;
        var oracle = TraceSimulation.OracleHitRatio(run.Requests.Select(r => r.Trace));
        var busy = run.Engines.Where(e => (run.Options.RolesOf(e.Number) & EngineRoles.Prefill) != 0)
            .Select(e => e.BusySeconds).ToArray();
        return new()
        {
            Requests = times.Length,
            Refused = run.Refused,
            TtftMeanSeconds = times.Length == 0 ? 0 : times.Average(),
            TtftP50Seconds = Percentile(times, 0.5),
            TtftP90Seconds = Percentile(times, 0.9),
            TtftP99Seconds = Percentile(times, 0.99),
            TpotP50Seconds = Percentile([.. tpot], 0.5),
            BlockHitRatio = hitRatio,
            OracleShare = oracle == 0 ? 0 : hitRatio / oracle,
            GoodputPerSecond = run.EndedAt == 0 ? 0 : good / run.EndedAt,
            Imbalance = busy.Sum() == 0 ? 1 : busy.Max() / busy.Average(),
            Tenants = [.. run.Requests.GroupBy(r => r.Trace.Tenant).OrderBy(g => g.Key).Select(g =>
                TenantFigures.From(g.Key, g.Select(static r => r.Result), run.Requests[^1].ArrivesAt))],
            Speedup = run.EndedAt / Math.Max(1e-9, realSeconds),
        };
    }
}
