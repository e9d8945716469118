using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>
/// <c>./tests/bench node</c>: the bundled node against llama.cpp's own <c>llama-server</c>: same random model of 60
/// million parameters, same threads, same pool of KV cells, same client, in turns, in one call. <c>--model FILE</c>
/// takes another GGUF; <c>--only PART</c> measures one of <c>prefill</c>, <c>prefix</c> and <c>decodeN</c>, N streams
/// at once.
/// </summary>
internal sealed class NodeBenchmark : IBenchmark
{
    private const int PromptTokens = 2_000;
    private const int MostStreams = 32;
    private const int MostRounds = 7;
    private const int LeastRounds = 3;
    private const int WarmRounds = 2;

    /// <summary>
    /// Rounds of one figure stop after this at the latest; <c>--seconds</c> sets another.
    /// </summary>
    private TimeSpan _figureTime = TimeSpan.FromSeconds(40);

    private static readonly int[] StreamCounts = [1, 8, 32];

    public string Name => "node";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        if (args is ["serve", .. var rest])
        {
            await ServedNode.RunAsync(rest);
            return [];
        }

        var device = Option(args, "--device") ?? "cpu";
        var only = Option(args, "--only");
        if (Option(args, "--seconds") is { } seconds)
            _figureTime = TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture));
        var streams = StreamCounts;
        if (only?.StartsWith("decode", StringComparison.Ordinal) == true)
        {
            if (!int.TryParse(only["decode".Length..], CultureInfo.InvariantCulture, out var count)
                || count is < 1 or > MostStreams)
                throw new ArgumentException($"--only decodeN: N is not within 1..{MostStreams}");
            streams = [count];
        }
        else if (only is not (null or "prefill" or "prefix"))
        {
            throw new ArgumentException("--only takes prefill, prefix or decodeN");
        }

        // The peer is built for CPUs.
        var peer = device == "cpu" ? await PeerServer.FindAsync(cancellationToken) : null;
        var folder = Directory.CreateTempSubdirectory("agentruntime-bench-node");
        try
        {
            var model = Option(args, "--model");
            if (model is null)
            {
                model = Path.Combine(folder.FullName, "noise.gguf");
                NoiseModel.Write(model, NoiseModelOptions.SixtyMillion);
            }

            var shape = new NodeShape(Math.Min(Environment.ProcessorCount, 16), MostStreams, 4096, 16_384, device);
            using var ours = await EngineProcess.StartNodeAsync(shape.Arguments(model));
            using var theirs = peer is null ? null : await PeerServer.StartAsync(peer, model, shape);
            return await MeasureAsync(ours, theirs, streams, part => only is null || only == part);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string? Option(string[] args, string name) =>
        Array.IndexOf(args, name) is var at and >= 0 ? args.ElementAtOrDefault(at + 1) : null;

    private async Task<JsonObject> MeasureAsync(
        EngineProcess ours, EngineProcess? theirs, int[] streamCounts, Predicate<string> wanted)
    {
        EngineProcess[] engines = theirs is null ? [ours] : [ours, theirs];
        var prompts = new Prompts(seed: 1);
        // The node's code is compiled while it runs: for some seconds that takes cores from whatever is measured.
        for (var round = 0; round < WarmRounds; round++)
            foreach (var engine in engines)
                await DecodeAsync(engine, prompts, streamCounts[^1], 64);

        var figures = new JsonObject();
        var ratios = new JsonObject();
        async Task MeasureAsync(string part, string figure, string ratio, Func<EngineProcess, Task<double>> measure)
        {
            if (!wanted(part)) return;
            var measured = await InTurnsAsync(part, engines, measure);
            figures[figure] = Math.Round(measured.Ours, 1);
            if (theirs is not null) ratios[ratio] = Math.Round(measured.Ratio, 3);
        }

        await MeasureAsync(
            "prefill", "prefill_tok_s", "prefill_ratio_peer", engine => PrefillAsync(engine, prompts));
        foreach (var streams in streamCounts)
        {
            await MeasureAsync(
                $"decode{streams}", $"decode_tok_s_{streams}", $"decode_ratio_peer_{streams}",
                engine => DecodeAsync(engine, prompts, streams, streams == 1 ? 96 : 64));
        }

        foreach (var (name, value) in ratios) figures[name] = value!.DeepClone();
        if (wanted("prefix")) figures["prefix_hit_ttft_ratio"] = Math.Round(await PrefixHitAsync(ours, prompts), 4);
        figures["rss_mb"] = Math.Round(ours.RssMb, 1);
        if (theirs is null) figures["peer"] = "skipped: there is no llama-server for this";
        else figures["peer_rss_mb"] = Math.Round(theirs.RssMb, 1);
        return figures;
    }

    /// <summary>
    /// The node's median and the median of its ratios to the peer, each from one round: what else the machine does then
    /// slows both. The rounds go in turns, each in the other order.
    /// </summary>
    private async Task<(double Ours, double Ratio)> InTurnsAsync(
        string what, EngineProcess[] engines, Func<EngineProcess, Task<double>> measure)
    {
        var rounds = await new CalmRounds(MostRounds, LeastRounds, _figureTime).RunAsync(
            async round =>
            {
                var values = new double[engines.Length];
                var used = new TimeSpan[engines.Length];
                var order = Enumerable.Range(0, engines.Length);
                foreach (var i in round % 2 == 0 ? order : order.Reverse())
                {
                    var before = engines[i].CpuTime;
                    values[i] = await measure(engines[i]);
                    used[i] = engines[i].CpuTime - before;
                }

                return (Values: values, Used: used);
            },
            round => $"{what}, tok/s: {string.Join(" / ", round.Values.Select(x => $"{x:0}"))}"
                + $"; CPU ms: {string.Join(" / ", round.Used.Select(u => $"{u.TotalMilliseconds:0}"))}");
        return (Median([.. rounds.Select(r => r.Values[0])]),
            Median([.. rounds.Select(r => r.Values[0] / r.Values[^1])]));
    }

    /// <summary>Prompt tokens a second up to the first token, of prompts that share nothing.</summary>
    private static async Task<double> PrefillAsync(EngineProcess engine, Prompts prompts)
    {
        var tokens = 0;
        var seconds = 0.0;
        for (var i = 0; i < 2; i++)
        {
            var trace = await CompletionStream.ReadAsync(
                engine.Http, CompletionStream.Body(prompts.Next(PromptTokens), 1));
            tokens += trace.PromptTokens;
            seconds += trace.TtftSeconds;
        }

        return tokens / seconds;
    }

    /// <summary>Tokens a second of all streams together, from the first stream's first to the last's last.</summary>
    private static async Task<double> DecodeAsync(EngineProcess engine, Prompts prompts, int streams, int tokens)
    {
        var bodies = Enumerable.Range(0, streams).Select(_ => CompletionStream.Body(prompts.Next(12), tokens))
            .ToArray();
        var traces = await Task.WhenAll(bodies.Select(body => CompletionStream.ReadAsync(engine.Http, body)));
        if (traces.FirstOrDefault(t => t.OutputTokens != tokens) is { } odd)
            throw new InvalidOperationException($"{odd.OutputTokens} tokens came instead of {tokens}");
        var elapsed = Stopwatch.GetElapsedTime(
            traces.Min(t => t.Arrivals[0]), traces.Max(t => t.Arrivals[^1])).TotalSeconds;
        return (tokens - 1) * streams / elapsed;
    }

    /// <summary>Time to first token of a prompt that was just read, over that of the first reading.</summary>
    private static async Task<double> PrefixHitAsync(EngineProcess engine, Prompts prompts)
    {
        var ratios = new List<double>();
        for (var i = 0; i < 5; i++)
        {
            var prompt = prompts.Next(PromptTokens);
            var cold = await CompletionStream.ReadAsync(engine.Http, CompletionStream.Body(prompt, 1));
            var warm = await CompletionStream.ReadAsync(engine.Http, CompletionStream.Body(prompt, 1));
            ratios.Add(warm.TtftSeconds / cold.TtftSeconds);
        }

        return Median(ratios);
    }

    private static double Median(IReadOnlyList<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
