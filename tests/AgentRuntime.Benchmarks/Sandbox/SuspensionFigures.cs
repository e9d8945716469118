using System.Buffers;
using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>A guest six calls deep that asks, is put away, and is woken: in place, and through bytes in random
/// order.</summary>
internal static class SuspensionFigures
{
    private const int Agents = 100_000;

    public static void Measure(IWasmModule small, JsonObject figures)
    {
        var functions = LatencyFigures.Host(small, LatencyFigures.Answering(mayBlock: true));
        small.Prepare(functions, SandboxBenchmark.Limits);
        using var instance = small.Instantiate(functions, SandboxBenchmark.Limits);
        var suspend = new double[20_000];
        var results = new WasmValue[1];
        var answer = new[] { WasmValue.FromI32(1) };
        instance.Call("converse", [WasmValue.FromI32(1)], results);
        for (var i = 0; i < suspend.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            instance.Resume(answer, results);
            suspend[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        Array.Sort(suspend);
        // One resume rewinds, runs to the next question and unwinds again: neither half is more than the whole.
        figures["suspend_us_p50"] = Math.Round(suspend[suspend.Length / 2], 3);
        figures["resume_us_p50"] = Math.Round(suspend[suspend.Length / 2], 3);
        var bytes = new ArrayBufferWriter<byte>();
        instance.WriteSnapshot(bytes);
        figures["suspended_bytes"] = bytes.WrittenCount;
        Storm(small, functions, figures);
    }

    private static void Storm(IWasmModule small, HostFunction[] functions, JsonObject figures)
    {
        var start = Stopwatch.GetTimestamp();
        var stored = new byte[Agents][];
        var results = new WasmValue[1];
        for (var i = 0; i < Agents; i++)
        {
            using var instance = small.Instantiate(functions, SandboxBenchmark.Limits);
            instance.Call("converse", [WasmValue.FromI32(i)], results);
            var bytes = new ArrayBufferWriter<byte>(8_192);
            instance.WriteSnapshot(bytes);
            stored[i] = bytes.WrittenSpan.ToArray();
        }

        figures["put_away_us"] = Math.Round(Stopwatch.GetElapsedTime(start).TotalMicroseconds / Agents, 2);
        var order = Enumerable.Range(0, Agents).ToArray();
        new Random(1).Shuffle(order);
        start = Stopwatch.GetTimestamp();
        var woken = 0;
        foreach (var i in order)
        {
            using var instance = small.Restore(stored[i], functions, SandboxBenchmark.Limits);
            if (instance.Resume([WasmValue.FromI32(1)], results) == WasmCallStatus.Suspended) woken++;
        }

        figures["wake_us"] = Math.Round(Stopwatch.GetElapsedTime(start).TotalMicroseconds / Agents, 2);
        figures["suspended_agents"] = Agents;
        figures["suspended_agents_woken"] = woken;
    }
}
