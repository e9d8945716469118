using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies;
using AgentRuntime.TestKit;

namespace AgentRuntime.Benchmarks.Policy;

/// <summary>
/// What conditions over a run's history cost: calls are decided and settled through the decision point, by an agent
/// whose grant has every kind of condition and by one whose grant has none, side by side. The cost of an event must not
/// grow with the length of the history.
/// </summary>
internal sealed class HistoryFigures : IPolicyFigures
{
    private const int Batch = 500;
    private const int Batches = 100;

    private static readonly Guid Id = new("01900000-0000-7000-8000-0000000000b0");
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public void AddTo(JsonObject figures)
    {
        using var point = new PolicyDecisionPoint(new MemoryBundleStore(), TimeProvider.System);
        var outcome = point.ApplyAsync(new TenantId(Id), Bundle(), CancellationToken.None)
            .AsTask().GetAwaiter().GetResult();
        if (outcome.Problems.Count > 0)
            throw new InvalidOperationException(outcome.Problems[0].ToString());
        var snapshot = point.Current(new(Id))!;

        // Twice to warm up, once to measure; batches of both kinds in turn, so that noise falls on both.
        for (var round = 0; round < 3; round++)
        {
            var (plain, history) = Measure(snapshot);
            figures["history_event_ns"] = Math.Round(Math.Max(0, Quiet(history) - Quiet(plain)), 1);
            figures["run_decide_us"] = Math.Round(Quiet(plain) / 1000, 3);
            figures["run_decide_history_us"] = Math.Round(Quiet(history) / 1000, 3);
            figures["history_growth_ratio"] = Math.Round(Quiet(history[^20..]) / Quiet(history[..20]), 3);
            figures["history_events"] = Batch * Batches;
        }

        Console.Error.WriteLine(
            $"a call and its end: {figures["run_decide_us"]} us without history conditions, "
                + $"{figures["run_decide_history_us"]} us with five");
    }

    /// <summary>Nanoseconds a call with its end, for each batch in order, without and with history.</summary>
    private static (double[] Plain, double[] History) Measure(IPolicySnapshot snapshot)
    {
        var (plain, history) = (Open(snapshot, "bench/plain"), Open(snapshot, "bench/history"));
        var (plainTimes, historyTimes) = (new double[Batches], new double[Batches]);
        for (var batch = 0; batch < Batches; batch++)
        {
            var first = batch * Batch;
            plainTimes[batch] = MeasureBatch(plain, first);
            historyTimes[batch] = MeasureBatch(history, first);
        }

        return (plainTimes, historyTimes);
    }

    private static double MeasureBatch(IRunPolicy run, int first)
    {
        var calls = Enumerable.Range(first, Batch).Select(Call).ToArray();
        var started = Stopwatch.GetTimestamp();
        foreach (var call in calls)
        {
            if (run.Decide(call).Verdict != Verdict.Allow)
                throw new InvalidOperationException("the benchmark's call was refused");
            run.Settle(call, CallOutcome.Succeeded);
        }

        return Stopwatch.GetElapsedTime(started).TotalNanoseconds / Batch;
    }

    private static IRunPolicy Open(IPolicySnapshot snapshot, string agent) =>
        snapshot.Open(new(new(Id), "bench", new(Id), "bench", "key:bench")
        {
            Agent = new(Id), AgentName = agent, Run = new(Id),
        });

    // The tenth part that was least disturbed: other work on the machine only ever adds.
    private static double Quiet(double[] values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 10];
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
}
