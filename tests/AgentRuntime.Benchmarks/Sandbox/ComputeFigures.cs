using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>Five kernels under this engine and under Node's V8, in turns, the best of several rounds each.</summary>
internal static class ComputeFigures
{
    private const int Turns = 4;
    private const int Rounds = 15;

    private static readonly string[] Kernels = ["fib", "sieve", "sha256", "matrix", "json"];

    public static async Task MeasureAsync(
        EngineUnderTest engine, string folder, JsonObject figures, CancellationToken cancellationToken)
    {
        var wasm = Path.Combine(folder, "kernels.wasm");
        using var watched = engine.Compile(wasm).Instantiate([], SandboxBenchmark.Limits);
        using var unwatched = engine.Unwatched(wasm);
        var ours = new double[Kernels.Length];
        var bare = new double[Kernels.Length];
        var theirs = new double[Kernels.Length];
        ours.AsSpan().Fill(double.MaxValue);
        bare.AsSpan().Fill(double.MaxValue);
        theirs.AsSpan().Fill(double.MaxValue);
        for (var turn = 0; turn < Turns; turn++)
        {
            var v8 = await V8Async(folder, wasm, cancellationToken);
            for (var k = 0; k < Kernels.Length; k++)
            {
                var results = new WasmValue[1];
                // In turns, so that a busy neighbour meets both.
                for (var round = 0; round < Rounds; round++)
                {
                    ours[k] = Math.Min(ours[k], LatencyFigures.Best(1, () => watched.Call(Kernels[k], [], results)));
                    bare[k] = Math.Min(bare[k], LatencyFigures.Best(1, () => unwatched.Call(Kernels[k], [], results)));
                }

                if (v8 is null) continue;
                var other = v8[Kernels[k]]!;
                if (other["result"]!.GetValue<int>() != results[0].AsI32())
                    throw new InvalidOperationException($"{Kernels[k]}: the engines disagree");
                theirs[k] = Math.Min(theirs[k], other["ms"]!.GetValue<double>());
            }
        }

        for (var k = 0; k < Kernels.Length; k++)
        {
            figures[$"{Kernels[k]}_ms"] = Math.Round(ours[k], 3);
            if (theirs[k] < double.MaxValue) figures[$"{Kernels[k]}_v8_ms"] = Math.Round(theirs[k], 3);
        }

        figures["compute_ratio_v8"] = theirs[0] < double.MaxValue ? Math.Round(GeometricMean(ours, theirs), 3) : null;
        figures["epoch_overhead_ratio"] = Math.Round(GeometricMean(ours, bare), 3);
    }

    private static double GeometricMean(double[] of, double[] over) =>
        Math.Exp(of.Zip(over, (a, b) => Math.Log(a / b)).Average());

    /// <summary>Node's times, or null where there is no Node.</summary>
    private static async Task<JsonObject?> V8Async(string folder, string wasm, CancellationToken cancellationToken)
    {
        try
        {
            string[] arguments = [Path.Combine(folder, "v8.mjs"), wasm, Rounds.ToString(CultureInfo.InvariantCulture),
                .. Kernels];
            using var node = Process.Start(
                new ProcessStartInfo("node", arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
            var output = await node.StandardOutput.ReadToEndAsync(cancellationToken);
            await node.WaitForExitAsync(cancellationToken);
            return (JsonObject?)JsonNode.Parse(output);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine("no node: nothing to compare with");
            return null;
        }
    }
}
