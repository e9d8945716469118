using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Benchmarks.Policy;

/// <summary>Adds figures of the policy area to <c>./tests/bench policy</c>.</summary>
internal interface IPolicyFigures
{
    void AddTo(JsonObject figures);
}

/// <summary>
/// <c>./tests/bench policy</c>: decisions by number of policies and entities, the official engine on the same requests
/// in the same run, parsing, validation, allocation, and the corpus.
/// </summary>
internal sealed class PolicyBenchmark(params IPolicyFigures[] more) : IBenchmark
{
    private const int Batch = 16;
    private const int Rounds = 4000;

    public string Name => "policy";

    public Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var figures = new JsonObject();
        foreach (var entities in new[] { 200, 2000 })
        {
            foreach (var policies in new[] { 10, 1000, 10_000 })
            {
                var suffix = entities == 2000 ? "_2000e" : "";
                var workload = new PolicyWorkload(policies, entities);
                var decisions = new Decisions(workload);
                var p50 = decisions.MedianMicroseconds();
                figures[$"decide_us_p50_{policies}{suffix}"] = Math.Round(p50, 3);
                Console.Error.WriteLine(
                    $"{policies} policies, {entities} entities: {p50:F3} us, {decisions.AllowedShare:P0} allowed");
                if (policies == 10_000 && entities == 200)
                    figures["alloc_bytes_per_decision"] = decisions.AllocatedPerAllowed();
                if (policies > 1000 || entities > 200) continue;
                if (OfficialEngine.MedianMicroseconds(workload, policies <= 10 ? 400 : 100) is not { } official)
                    continue;
                figures[$"official_us_p50_{policies}"] = Math.Round(official, 1);
                figures[$"ratio_official_{policies}"] = Math.Round(official / p50, 1);
            }
        }

        figures["parse_mb_s"] = Math.Round(ParseMegabytesPerSecond(), 1);
        figures["validate_ms_1000"] = Math.Round(ValidateMilliseconds(), 1);
        CorpusFigures.AddTo(figures);
        foreach (var part in more) part.AddTo(figures);
        return Task.FromResult(figures);
    }

    private static double ParseMegabytesPerSecond()
    {
        var text = new PolicyWorkload(10_000, 200).PolicyText;
        var times = new double[7];
        for (var i = 0; i < times.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            CedarPolicySet.Parse(text);
            times[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return text.Length / times.Min() / 1e6;
    }

    private static double ValidateMilliseconds()
    {
        var schema = CedarSchema.Parse(PolicyWorkload.Schema());
        var policies = CedarPolicySet.Parse(new PolicyWorkload(1000, 200).PolicyText);
        var times = new double[7];
        for (var i = 0; i < times.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            var result = CedarValidator.Validate(schema, policies);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (!result.IsValid) throw new InvalidOperationException($"the workload is not valid: {result.Errors[0]}");
        }

        return times.Min();
    }

    private sealed class Decisions(PolicyWorkload workload)
    {
        private readonly CedarPolicySet _policies = CedarPolicySet.Parse(workload.PolicyText);
        private readonly CedarEntities _entities = CedarEntities.Create(workload.Entities);

        public double AllowedShare { get; private set; }

        public double MedianMicroseconds()
        {
            var requests = workload.Requests;
            AllowedShare =
                requests.Count(r => CedarAuthorizer.Authorize(_policies, _entities, r).IsAllowed) / (
                double)requests.Length;
            for (var i = 0; i < 200_000; i++)
                CedarAuthorizer.Authorize(_policies, _entities, requests[i % requests.Length]);
            var times = new double[Rounds];
            for (var round = 0; round < Rounds; round++)
            {
                var start = Stopwatch.GetTimestamp();
                for (var i = 0; i < Batch; i++)
                    CedarAuthorizer.Authorize(_policies, _entities, requests[((round * Batch) + i) % requests.Length]);
                times[round] = Stopwatch.GetElapsedTime(start).TotalMicroseconds / Batch;
            }

            Array.Sort(times);
            return times[Rounds / 2];
        }

        public double AllocatedPerAllowed()
        {
            var allowed =
                workload.Requests.Where(r => CedarAuthorizer.Authorize(_policies, _entities, r).IsAllowed).ToArray();
            if (allowed.Length == 0) throw new InvalidOperationException("the workload allows nothing");
            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var request in allowed) CedarAuthorizer.Authorize(_policies, _entities, request);
            return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)allowed.Length;
        }
    }
}
