using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies;

namespace AgentRuntime.Benchmarks.Policy;

/// <summary>
/// What conditions over a run's history cost: calls are decided and settled through the decision point, by an agent
/// whose grant has every kind of condition and by one whose grant has none, side by side. The cost of an event must not
/// grow with the length of the history.
/// </summary>
internal sealed class PolicyHistoryBenchmark : IBenchmark
{
    private const int Batch = 500;
    private const int Batches = 100;

    private static readonly Guid Id = new("01900000-0000-7000-8000-0000000000b0");
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public string Name => "policy-history";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        using var point = new PolicyDecisionPoint(new NoStore(), TimeProvider.System);
        var outcome = await point.ApplyAsync(new(Id), Bundle(), cancellationToken).ConfigureAwait(false);
        if (outcome.Problems.Count > 0)
            throw new InvalidOperationException(outcome.Problems[0].ToString());
        var snapshot = point.Current(new(Id))!;
        var figures = new JsonObject();

        // Once to warm up, once to measure; short and long runs in turn, so that noise falls on both.
        for (var round = 0; round < 2; round++)
        {
            var plain = Measure(snapshot, "bench/plain", Batches);
            var first = Measure(snapshot, "bench/history", 10);
            var whole = Measure(snapshot, "bench/history", Batches);
            figures["history_event_ns"] = Math.Round(Math.Max(0, whole.Median - plain.Median), 1);
            figures["run_decide_us_p50"] = Math.Round(plain.Median / 1000, 3);
            figures["run_decide_history_us_p50"] = Math.Round(whole.Median / 1000, 3);
            figures["history_growth_ratio"] = Math.Round(whole.Last / first.Median, 3);
            figures["history_events"] = Batch * Batches;
        }

        await Console.Error.WriteLineAsync(
            $"a call and its end: {figures["run_decide_us_p50"]} us without history conditions, "
                + $"{figures["run_decide_history_us_p50"]} us with five").ConfigureAwait(false);
        return figures;
    }

    /// <summary>Nanoseconds a call with its end: the median of all batches, and the median of the last ten.</summary>
    private static (double Median, double Last) Measure(IPolicySnapshot snapshot, string agent, int batches)
    {
        var run = snapshot.Open(new(new(Id), "bench", new(Id), "bench", "key:bench")
        {
            Agent = new(Id), AgentName = agent, Run = new(Id),
        });
        var times = new double[batches];
        var number = 0;
        for (var batch = 0; batch < batches; batch++)
        {
            var calls = Enumerable.Range(0, Batch).Select(_ => Call(number++)).ToArray();
            var started = Stopwatch.GetTimestamp();
            foreach (var call in calls)
            {
                if (run.Decide(call).Verdict != Verdict.Allow)
                    throw new InvalidOperationException("the benchmark's call was refused");
                run.Settle(call, CallOutcome.Succeeded);
            }

            times[batch] = Stopwatch.GetElapsedTime(started).TotalNanoseconds / Batch;
        }

        return (Median(times), Median(times[^Math.Min(10, batches)..]));
    }

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    // Even calls look up, odd ones pay for what was just looked up.
    private static PolicyCall Call(int number)
    {
        var order = (number / 2).ToString(CultureInfo.InvariantCulture);
        var isLookup = number % 2 == 0;
        using var arguments = JsonDocument.Parse(isLookup
            ? $$"""{"order": "{{order}}"}"""
            : $$"""{"order": "{{order}}", "cents": 1}""");
        return new(
            PolicyAction.CallTool,
            isLookup ? "shop/lookup" : "shop/pay",
            arguments.RootElement.Clone(),
            Start.AddMilliseconds(number));
    }

    private static Dictionary<string, string> Bundle() =>
        new(StringComparer.Ordinal)
        {
            ["bundle.yaml"] =
                "name: bench\nservers: {shop: {url: 'http://127.0.0.1:1/mcp', results: {trusted: true}}}\n",
            ["tools/shop.json"] = """
                [{"name": "lookup", "inputSchema": {"type": "object",
                   "properties": {"order": {"type": "string"}}, "required": ["order"]}},
                 {"name": "pay", "inputSchema": {"type": "object",
                   "properties": {"order": {"type": "string"}, "cents": {"type": "integer"}},
                   "required": ["order", "cents"]}}]
                """,
            ["agents.yaml"] = """
                agents:
                  bench/plain: {tools: [shop/lookup, shop/pay]}
                  bench/history:
                    input: {trusted: true}
                    tools:
                      - shop/lookup
                      - tool: shop/pay
                        history:
                          at_most: {calls: 100000, within: 1h}
                          total: {of: {cents: 1000000}, within: 1h}
                          after: {call: shop/lookup, same: [order], within: 1m}
                          never_after_failure: true
                          never_after_untrusted: true
                """,
        };

    private sealed class NoStore : IBundleStore
    {
        public ValueTask PutAsync(
            TenantId tenant,
            BundleDigest digest,
            IReadOnlyDictionary<string, string> files,
            CancellationToken cancellationToken) =>
            default;

        public ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken) => new([]);
    }
}
