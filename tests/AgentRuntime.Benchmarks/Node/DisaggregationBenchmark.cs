using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>
/// <c>./tests/bench pd</c>: running decodes while long prompts arrive. Colocated, one node does both with all threads;
/// disaggregated, one node reads the prompts and hands their KV state to another that writes, with half the threads
/// each. A random model of about 100 million parameters, the two settings in turns.
/// </summary>
internal sealed class DisaggregationBenchmark : IBenchmark
{
    private const int Decodes = 2;
    private const int DecodeTokens = 128;
    private const int PromptTokens = 512;
    private const int LongPrompts = 2;
    private const int LongPromptOutput = 8;
    private const int MostRounds = 4;

    private static readonly TimeSpan RoundsTime = TimeSpan.FromSeconds(100);
    private static readonly Uri Completions = new("/v1/completions", UriKind.Relative);

    public string Name => "pd";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
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
            return await MeasureAsync(colocated, prefill, decode);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<JsonObject> MeasureAsync(
        EngineProcess colocated, EngineProcess prefill, EngineProcess decode)
    {
        var prompts = new Prompts(seed: 2);
        var transfers = new List<Transfer>();
        await CompletionStream.ReadAsync(colocated.Http, CompletionStream.Body(prompts.Next(64), 8));
        await MoveAsync(prefill, decode, CompletionStream.Body(prompts.Next(64), 8), []);
        var together = new List<double>();
        var apart = new List<double>();
        var clock = Stopwatch.StartNew();
        for (var round = 0; round < MostRounds && (round < 1 || clock.Elapsed < RoundsTime); round++)
        {
            together.AddRange(await RoundAsync(
                colocated, prompts, body => CompletionStream.ReadAsync(colocated.Http, body)));
            apart.AddRange(await RoundAsync(
                decode, prompts, body => MoveAsync(prefill, decode, body, transfers)));
        }

        // Transfers without decodes beside them: the way itself.
        var quiet = new List<Transfer>();
        for (var i = 0; i < 5; i++)
            await MoveAsync(prefill, decode, CompletionStream.Body(prompts.Next(PromptTokens), 1), quiet);
        var rate = Median([.. quiet.Select(t => t.Bytes / t.Milliseconds / 1e3)]);
        var memcpy = MemcpyMbPerSecond(quiet[0].Bytes);
        await Console.Error.WriteLineAsync(
            $"itl p50 ms: colocated {Percentile(together, 0.5):0.0}, disaggregated {Percentile(apart, 0.5):0.0}; "
            + $"memcpy {memcpy:0} MB/s; {quiet[0].Bytes / 1e6:0.0} MB a transfer");
        return new()
        {
            ["itl_p99_ratio"] = Math.Round(Percentile(apart, 0.99) / Percentile(together, 0.99), 3),
            ["itl_p99_ms_colocated"] = Math.Round(Percentile(together, 0.99), 1),
            ["itl_p99_ms_disaggregated"] = Math.Round(Percentile(apart, 0.99), 1),
            ["kv_transfer_mb_s"] = Math.Round(rate, 1),
            ["kv_transfer_ratio_memcpy"] = Math.Round(rate / memcpy, 4),
            ["handoff_ms_p50"] = Math.Round(Median([.. quiet.Select(t => t.HandoffMs)]), 2),
            ["handoff_ms_p50_loaded"] = Math.Round(Median([.. transfers.Select(t => t.HandoffMs)]), 2),
        };
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
        leg["kv_transfer_params"] = new JsonObject { ["do_remote_decode"] = true, ["do_remote_prefill"] = false };
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
