using System.Text.Json.Nodes;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// Small whole answers, as many as it takes over 16 connections and one at a time, of an engine asked directly, of the
/// platform and of portkey: in turns, so that what else the machine does falls on all three. Ratios are made within a
/// round, and their median is the figure.
/// </summary>
internal sealed class RequestFigures(PlatformUnderTest platform, string engine)
{
    private const string Body =
        """{"model":"sim","max_tokens":4,"messages":[{"role":"user","content":"Say hello to the world"}]}""";

    private const int Rounds = 7;
    private const int LeastRounds = 3;
    private const int Connections = 16;
    private static readonly TimeSpan RoundsTime = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Busy = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(1);

    public async Task AddToAsync(JsonObject figures)
    {
        await Wrk.EnsureAsync();
        using var portkey = await Portkey.StartAsync();
        var ours = new Target("edge", platform.Address, new() { ["Authorization"] = $"Bearer {platform.Keys[0]}" });
        var direct = new Target("direct", engine, []);
        var theirs = new Target("portkey", portkey.Address, new()
        {
            ["Authorization"] = "Bearer unused",
            ["x-portkey-provider"] = "openai",
            ["x-portkey-custom-host"] = $"{engine}/v1",
        });
        foreach (var target in (Target[])[direct, theirs])
            await target.PostAsync(Connections, Warmup / 3);

        // Until the runtime has compiled it for good.
        await ours.PostAsync(Connections, Warmup);

        Target[] all = [direct, ours, theirs];
        var rounds = await new CalmRounds(Rounds, LeastRounds, RoundsTime).RunAsync(
            async _ =>
            {
                var (busy, calm) = (new WrkResult[all.Length], new WrkResult[all.Length]);
                for (var i = 0; i < all.Length; i++) busy[i] = await all[i].PostAsync(Connections, Busy);
                for (var i = 0; i < all.Length; i++) calm[i] = await all[i].PostAsync(1, Calm);
                return (Busy: busy, Calm: calm);
            },
            round => string.Join("; ", all.Select((t, i) =>
                $"{t.Name} {round.Busy[i].RequestsPerSecond:F0} requests/s, p50 {round.Calm[i].P50Ms} ms")));
        foreach (var (busy, calm) in rounds)
        {
            for (var i = 0; i < all.Length; i++)
            {
                all[i].Busy.Add(busy[i]);
                all[i].Calm.Add(calm[i]);
            }
        }

        figures["rps"] = Median(ours.Busy.Select(b => b.RequestsPerSecond));
        figures["rps_direct"] = Median(direct.Busy.Select(b => b.RequestsPerSecond));
        figures["rps_portkey"] = Median(theirs.Busy.Select(b => b.RequestsPerSecond));
        figures["rps_ratio_portkey"] = Median(Ratios(ours, theirs));
        figures["rps_ratio_portkey_rounds"] = new JsonArray([.. Ratios(ours, theirs).Select(r => (JsonNode)Round(r))]);
        figures["rps_ratio_direct"] = Median(Ratios(ours, direct));
        figures["added_p50_ms"] = Added(ours, direct, c => c.P50Ms);
        figures["added_p99_ms"] = Added(ours, direct, c => c.P99Ms);
        figures["portkey_added_p50_ms"] = Added(theirs, direct, c => c.P50Ms);
        figures["portkey_added_p99_ms"] = Added(theirs, direct, c => c.P99Ms);
        figures["errors"] = ours.Errors;
        figures["errors_portkey"] = theirs.Errors;
    }

    private static IEnumerable<double> Ratios(Target one, Target other) =>
        one.Busy.Zip(other.Busy, (a, b) => a.RequestsPerSecond / b.RequestsPerSecond);

    private static double Added(Target one, Target direct, Func<WrkResult, double> of) =>
        Median(one.Calm.Zip(direct.Calm, (a, b) => of(a) - of(b)));

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return Round(sorted[sorted.Length / 2]);
    }

    private static double Round(double value) => Math.Round(value, 3);

    private sealed class Target(string name, string address, Dictionary<string, string> headers)
    {
        public string Name => name;

        public List<WrkResult> Busy { get; } = [];

        public List<WrkResult> Calm { get; } = [];

        public long Errors => Busy.Concat(Calm).Sum(r => r.Errors);

        public Task<WrkResult> PostAsync(int connections, TimeSpan duration)
        {
            headers["Content-Type"] = "application/json";
            return Wrk.PostAsync($"{address}/v1/chat/completions", headers, Body, connections, duration);
        }
    }
}
