using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>What it costs to have an instance, and to cross its boundary.</summary>
internal static class LatencyFigures
{
    public static readonly FunctionType OneToOne = new([WasmValueType.I32], [WasmValueType.I32]);

    /// <summary>In the order of the module's imports.</summary>
    public static HostFunction[] Host(IWasmModule module, HostFunction ask) =>
        [.. module.Imports.Select(i => i.Name == "ask"
        ? ask
        : new HostFunction(OneToOne, false, static (_, arguments, results) =>
        {
            results[0] = arguments[0];
            return HostReturn.Completed;
        }))];

    public static HostFunction Answering(bool mayBlock) =>
        new(OneToOne, mayBlock, static (_, _, _) => HostReturn.Suspend);

    public static void Measure(IWasmModule small, EngineUnderTest engine, JsonObject figures)
    {
        var functions = Host(small, Answering(mayBlock: false));
        var samples = new double[100_000];
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < samples.Length; i++)
            {
                var start = Stopwatch.GetTimestamp();
                small.Instantiate(functions, SandboxBenchmark.Limits).Dispose();
                samples[i] = Microseconds(start, Stopwatch.GetTimestamp());
            }
        }

        Array.Sort(samples);
        figures["instantiate_us_p50"] = Math.Round(samples[samples.Length / 2], 3);
        figures["instantiate_us_p99"] = Math.Round(samples[samples.Length * 99 / 100], 3);
        if (engine.MaxLive >= 10_000)
            figures["instances_10k_rss_mb"] = Math.Round(ResidentOf(small, functions), 1);
        else
            Console.Error.WriteLine("instances_10k_rss_mb: not measured, the pool is smaller");
        using var instance = small.Instantiate(functions, SandboxBenchmark.Limits);
        figures["call_ns"] = Math.Round(Best(5, () => Calls(instance, 2_000_000)) / 2_000_000 * 1e6, 2);
        var bare = Best(5, () => instance.Call("notes", [WasmValue.FromI32(5_000_000)], new WasmValue[1]));
        figures["host_call_ns"] = Math.Round(bare / 5_000_000 * 1e6, 2);
    }

    /// <summary>A <see cref="TimeSpan"/> would count in tenths.</summary>
    public static double Microseconds(long start, long end) => (end - start) * 1e6 / Stopwatch.Frequency;

    private static void Calls(IWasmInstance instance, int count)
    {
        ReadOnlySpan<WasmValue> arguments = [WasmValue.FromI32(1)];
        Span<WasmValue> results = stackalloc WasmValue[1];
        for (var i = 0; i < count; i++) instance.Call("nothing", arguments, results);
    }

    /// <summary>The best time of several, in milliseconds: the neighbours' noise only adds.</summary>
    public static double Best(int rounds, Action action)
    {
        var best = double.MaxValue;
        for (var i = 0; i < rounds; i++)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return best;
    }

    /// <summary>Resident memory of 10,000 live instances that were called once each, in MiB.</summary>
    private static double ResidentOf(IWasmModule small, HostFunction[] functions)
    {
        var before = Environment.WorkingSet;
        var instances = new IWasmInstance[10_000];
        for (var i = 0; i < instances.Length; i++)
        {
            instances[i] = small.Instantiate(functions, SandboxBenchmark.Limits);
            instances[i].Call("nothing", [WasmValue.FromI32(1)], new WasmValue[1]);
        }

        var resident = Environment.WorkingSet - before;
        foreach (var instance in instances) instance.Dispose();
        return resident / 1048576.0;
    }
}
