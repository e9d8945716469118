using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// <c>./tests/bench gateway</c>: the edge with authentication, quota, policy and routing, in front of two simulated
/// nodes, against hitting a node directly and against npm <c>@portkey-ai/gateway</c>, all on this machine in one call.
/// </summary>
internal sealed class GatewayBenchmark : IBenchmark
{
    private const string Body =
        """{"model":"sim","max_tokens":4,"messages":[{"role":"user","content":"Say hello to the world"}]}""";

    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Load = TimeSpan.FromSeconds(12);
    private const int Connections = 16;
    private const int OpenStreams = 5_000;

    public string Name => "gateway";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        switch (args)
        {
            case ["node"]:
                await SimulatedNode.RunAsync();
                return [];
            case ["edge", var folder, .. var engines]:
                await EdgeUnderTest.RunAsync(folder, engines);
                return [];
            default:
                return await MeasureAsync(cancellationToken);
        }
    }

    private static async Task<JsonObject> MeasureAsync(CancellationToken cancellationToken)
    {
        await Wrk.EnsureAsync();
        var folder = Directory.CreateTempSubdirectory("agentruntime-bench");
        try
        {
            using var node = await ChildProcess.StartRoleAsync("node");
            using var other = await ChildProcess.StartRoleAsync("node");
            using var edge = await ChildProcess.StartRoleAsync("edge", folder.FullName, node.Address, other.Address);
            var key = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "key"), cancellationToken);
            using var portkey = await StartPortkeyAsync();

            var direct = await LoadAsync("direct", node.Address, []);
            var ours = await LoadAsync("edge", edge.Address, new() { ["Authorization"] = $"Bearer {key}" });
            var theirs = await LoadAsync("portkey", portkey.Address, new()
            {
                ["Authorization"] = "Bearer unused",
                ["x-portkey-provider"] = "openai",
                ["x-portkey-custom-host"] = $"{node.Address}/v1",
            });

            using var streams = new StreamLoad(edge.Address, key);
            using var nodeStreams = new StreamLoad(node.Address, null);
            Say("streams: first tokens");
            await streams.FirstTokensAsync(2, 100);
            await nodeStreams.FirstTokensAsync(2, 100);
            var first = await streams.FirstTokensAsync(2, 500);
            var directFirst = await nodeStreams.FirstTokensAsync(2, 500);
            Say("streams: chunks");
            var chunks = await streams.ChunksPerSecondAsync(32, 4_000);
            Say($"streams: {OpenStreams} open");
            var rss = 0.0;
            var held = await streams.HoldOpenAsync(OpenStreams, () => rss = edge.RssMb);

            return new JsonObject
            {
                ["rps"] = Round(ours.Busy.RequestsPerSecond),
                ["rps_direct"] = Round(direct.Busy.RequestsPerSecond),
                ["rps_portkey"] = Round(theirs.Busy.RequestsPerSecond),
                ["added_p50_ms"] = Round(ours.Calm.P50Ms - direct.Calm.P50Ms),
                ["added_p99_ms"] = Round(ours.Calm.P99Ms - direct.Calm.P99Ms),
                ["portkey_added_p50_ms"] = Round(theirs.Calm.P50Ms - direct.Calm.P50Ms),
                ["portkey_added_p99_ms"] = Round(theirs.Calm.P99Ms - direct.Calm.P99Ms),
                ["rps_ratio_portkey"] = Round(ours.Busy.RequestsPerSecond / theirs.Busy.RequestsPerSecond),
                ["rps_ratio_direct"] = Round(ours.Busy.RequestsPerSecond / direct.Busy.RequestsPerSecond),
                ["errors"] = ours.Busy.Errors + ours.Calm.Errors,
                ["errors_portkey"] = theirs.Busy.Errors + theirs.Calm.Errors,
                ["stream_chunks_per_s"] = Round(chunks),
                ["ttft_added_ms_p50"] = Round(Quantile(first, 50) - Quantile(directFirst, 50)),
                ["ttft_added_ms_p99"] = Round(Quantile(first, 99) - Quantile(directFirst, 99)),
                ["streams_open"] = held,
                ["rss_mb"] = Round(rss),
            };
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// Busy: as much as it takes over 16 connections. Calm: one request at a time, for the latency it adds.
    /// </summary>
    private static async Task<(WrkResult Busy, WrkResult Calm)> LoadAsync(
        string what, string address, Dictionary<string, string> headers)
    {
        headers["Content-Type"] = "application/json";
        var url = $"{address}/v1/chat/completions";
        Say($"{what}: warming up");
        await Wrk.PostAsync(url, headers, Body, Connections, Warmup);
        var busy = await Wrk.PostAsync(url, headers, Body, Connections, Load);
        var calm = await Wrk.PostAsync(url, headers, Body, 1, Load / 2);
        Say($"{what}: {busy.RequestsPerSecond:F0} requests/s; one at a time p50 {calm.P50Ms} ms, p99 {calm.P99Ms} ms");
        return (busy, calm);
    }

    private static async Task<ChildProcess> StartPortkeyAsync()
    {
        var peers = Path.Combine(Repository.Root, "tests", "peers");
        var start = Path.Combine(peers, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
        if (!File.Exists(start))
        {
            Say("installing the peers with npm");
            using var npm = Process.Start(new ProcessStartInfo(
                "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            {
                WorkingDirectory = peers,
                RedirectStandardOutput = true,
                UseShellExecute = false,
            })!;
            await npm.StandardOutput.ReadToEndAsync();
            await npm.WaitForExitAsync();
        }

        var port = FreePort();
        return await ChildProcess.StartAsync(
            "node", [start, $"--port={port}", "--headless"],
            line => line.Contains("running", StringComparison.OrdinalIgnoreCase)
                || line.Contains("Ready", StringComparison.OrdinalIgnoreCase) ? $"http://127.0.0.1:{port}" : null);
    }

    private static int FreePort()
    {
        using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        return ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static double Quantile(double[] sorted, int percent) => sorted[sorted.Length * percent / 100];

    private static double Round(double value) => Math.Round(value, 3);

    private static void Say(string what) => Console.Error.WriteLine(what);
}
