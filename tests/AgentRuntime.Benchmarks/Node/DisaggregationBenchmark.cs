using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>
/// <c>./tests/bench pd</c>: running decodes while long prompts arrive. Colocated, one node does both with all threads;
/// disaggregated, one node reads the prompts and hands their KV state to another that writes, with half the threads
/// each. A random model of about 100 million parameters, the two settings in turns. <c>transfers</c> measures nothing
/// else.
/// </summary>
internal sealed class DisaggregationBenchmark : IBenchmark
{
    private const int Decodes = 2;
    private const int DecodeTokens = 128;
    private const int PromptTokens = 512;
    private const int LongPrompts = 2;
    private const int LongPromptOutput = 8;
    private const int MostRounds = 4;
    private const int LeastRounds = 2;
    private const int MostTransfers = 9;
    private const int LeastTransfers = 5;

    private static readonly TimeSpan RoundsTime = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan TransfersTime = TimeSpan.FromSeconds(20);
    private static readonly Uri Completions = new("/v1/completions", UriKind.Relative);

    public string Name => "pd";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        if (args is not ([] or ["transfers"])) throw new ArgumentException("pd takes nothing or transfers");
        var folder = Directory.CreateTempSubdirectory("agentruntime-bench-pd");
        try
        {
            var model = Path.Combine(folder.FullName, "noise.gguf");
            NoiseModel.Write(model, NoiseModelOptions.HundredMillion);
            var threads = Math.Min(Environment.ProcessorCount, 16);
            var whole = new NodeShape(threads, 8, 2048, 8192);
            var half = whole with { Threads = Math.Max(1, threads / 2) };
            using var colocated = await EngineProcess.StartNodeAsync(whole.Arguments(model));
            using var prefill = await EngineProcess.StartNodeAsync(half.Arguments(model));
            using var decode = await EngineProcess.StartNodeAsync(half.Arguments(model));
            return await MeasureAsync(colocated, prefill, decode, transfersOnly: args.Length > 0);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<JsonObject> MeasureAsync(
        EngineProcess colocated, EngineProcess prefill, EngineProcess decode, bool transfersOnly)
    {
        var prompts = new Prompts(seed: 2);
        var figures = new JsonObject();
        await CompletionStream.ReadAsync(colocated.Http, CompletionStream.Body(prompts.Next(64), 8));
        await MoveAsync(prefill, decode, CompletionStream.Body(prompts.Next(64), 8), []);
        if (!transfersOnly) await AddRoundsAsync(figures, prompts, colocated, prefill, decode);
        await AddTransfersAsync(figures, prompts, prefill, decode);
        return figures;
    }

    private static async Task AddRoundsAsync(
        JsonObject figures, Prompts prompts, EngineProcess colocated, EngineProcess prefill, EngineProcess decode)
    {
        var rounds = await new CalmRounds(MostRounds, LeastRounds, RoundsTime).RunAsync(
            async _ =>
            {
                var together = await RoundAsync(
                    colocated, prompts, body => CompletionStream.ReadAsync(colocated.Http, body));
                var moved = new List<Transfer>();
                var apart = await RoundAsync(decode, prompts, body => MoveAsync(prefill, decode, body, moved));
                return (Together: together, Apart: apart, Moved: moved);
            },
            round => $"itl p99 ms: colocated {Percentile(round.Together, 0.99):0.0}, "
                + $"disaggregated {Percentile(round.Apart, 0.99):0.0}; handoff ms {Handoff(round.Moved):0.0}");
        List<double> together = [.. rounds.SelectMany(r => r.Together)];
        List<double> apart = [.. rounds.SelectMany(r => r.Apart)];
        figures["itl_p99_ratio"] = Math.Round(Percentile(apart, 0.99) / Percentile(together, 0.99), 3);
        figures["itl_p99_ms_colocated"] = Math.Round(Percentile(together, 0.99), 1);
        figures["itl_p99_ms_disaggregated"] = Math.Round(Percentile(apart, 0.99), 1);
        figures["itl_p50_ms_colocated"] = Math.Round(Percentile(together, 0.5), 1);
        figures["itl_p50_ms_disaggregated"] = Math.Round(Percentile(apart, 0.5), 1);
        figures["handoff_ms_p50_loaded"] = Math.Round(Handoff([.. rounds.SelectMany(r => r.Moved)]), 2);
    }

    /// <summary>Transfers without decodes beside them: the way itself.</summary>
    private static async Task AddTransfersAsync(
        JsonObject figures, Prompts prompts, EngineProcess prefill, EngineProcess decode)
    {
        var transfers = await new CalmRounds(MostTransfers, LeastTransfers, TransfersTime).RunAsync(
            async _ =>
            {
                var moved = new List<Transfer>();
                await MoveAsync(prefill, decode, CompletionStream.Body(prompts.Next(PromptTokens), 1), moved);
                return moved[0];
            },
            moved => $"transfer: {moved.Milliseconds:0.0} ms, handoff {moved.HandoffMs:0.0} ms");
        var rate = Median([.. transfers.Select(t => t.Bytes / t.Milliseconds / 1e3)]);
        var memcpy = MemcpyMbPerSecond(transfers[0].Bytes);
        figures["kv_transfer_mb_s"] = Math.Round(rate, 1);
        figures["kv_transfer_ratio_memcpy"] = Math.Round(rate / memcpy, 4);
        figures["memcpy_mb_s"] = Math.Round(memcpy);
        figures["kv_transfer_mb"] = Math.Round(transfers[0].Bytes / 1e6, 1);
        figures["handoff_ms_p50"] = Math.Round(Handoff(transfers), 2);
    }

    /// <summary>Gaps between the tokens of the decodes, in milliseconds, while long prompts come one by one.</summary>
    private static async Task<List<double>> RoundAsync(
        EngineProcess writer, Prompts prompts, Func<JsonObject, Task<StreamTrace>> read)
    {
        var bodies = Enumerable.Range(0, Decodes).Select(_ => CompletionStream.Body(prompts.Next(12), DecodeTokens));
        var decodes = bodies.Select(body => CompletionStream.ReadAsync(writer.Http, body)).ToArray();
        for (var i = 0; i < LongPrompts; i++)
            await read(CompletionStream.Body(prompts.Next(PromptTokens), LongPromptOutput));
        return [.. (await Task.WhenAll(decodes)).SelectMany(t => t.GapsMs)];
    }

    /// <summary>vLLM's flow: the prompt at one node, its state to the other, the answer from there.</summary>
    private static async Task<StreamTrace> MoveAsync(
        EngineProcess prefill, EngineProcess decode, JsonObject body, List<Transfer> transfers)
    {
        var leg = (JsonObject)body.DeepClone();
        leg["max_tokens"] = 1;
        leg["stream"] = false;
        leg.Remove("stream_options");
        leg["kv_transfer_params"] = new JsonObject
        {
            ["do_remote_decode"] = true, ["do_remote_prefill"] = false,
            ["remote_host"] = decode.Http.BaseAddress!.Host, ["remote_port"] = decode.Http.BaseAddress.Port,
        };
        using var response = await prefill.Http.PostAsJsonAsync(Completions, leg);
        response.EnsureSuccessStatusCode();
        var handed = JsonNode.Parse(await response.Content.ReadAsStringAsync())!["kv_transfer_params"];
        body["kv_transfer_params"] = handed?.DeepClone()
            ?? throw new InvalidOperationException("the prefill leg handed nothing over");
        var trace = await CompletionStream.ReadAsync(decode.Http, body);
        var report = trace.Last["x_agentruntime"]?["kv_transfer"];
        if ((string?)report?["outcome"] != "transferred")
            throw new InvalidOperationException($"the state was not transferred: {trace.Last.ToJsonString()}");
        transfers.Add(new(
            (long)trace.Last["usage"]!["kv_transfer_bytes"]!, (double)trace.Last["usage"]!["kv_transfer_ms"]!,
            trace.TtftSeconds * 1e3));
        return trace;
    }

    /// <summary>What one thread copies in memory, with as many bytes as a transfer has.</summary>
    private static double MemcpyMbPerSecond(long bytes)
    {
        var source = new byte[bytes];
        var target = new byte[bytes];
        source.AsSpan().Fill(1);
        var rates = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            var start = Stopwatch.GetTimestamp();
            source.AsSpan().CopyTo(target);
            rates.Add(bytes / Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }

        return Median(rates);
    }

    private static double Handoff(IReadOnlyList<Transfer> transfers) => Median([.. transfers.Select(t => t.HandoffMs)]);

    private static double Median(List<double> values) => Percentile(values, 0.5);

    private static double Percentile(List<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(int)Math.Ceiling((sorted.Length - 1) * share)];
    }

    /// <param name="Bytes">Of KV state.</param>
    /// <param name="Milliseconds">From the manifest's request to the last byte.</param>
    /// <param name="HandoffMs">From the decode leg's start to its first token.</param>
    private sealed record Transfer(long Bytes, double Milliseconds, double HandoffMs);
}
