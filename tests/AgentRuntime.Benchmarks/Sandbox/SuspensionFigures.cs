using System.Buffers;
using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>A guest six calls deep that asks, is put away, and is woken: in place, and many of them at once, as
/// instances and as bytes, woken in random order.</summary>
internal sealed class SuspensionFigures
{
    private readonly IWasmModule _module;
    private readonly HostFunction[] _functions;
    private readonly WasmValue[] _results = new WasmValue[1];
    private long _asked;
    private int _question;

    private SuspensionFigures(IWasmModule module)
    {
        _module = module;
        _functions = LatencyFigures.Host(module, new HostFunction(LatencyFigures.OneToOne, true, Ask));
        module.Prepare(_functions, SandboxBenchmark.Limits);
    }

    public static void Measure(IWasmModule small, EngineUnderTest engine, int agents, JsonObject figures)
    {
        var figure = new SuspensionFigures(small);
        figure.InPlace(engine.Replays ? 10 : int.MaxValue, figures);
        figures["suspended_agents"] = agents;
        var live = Math.Min(agents, engine.MaxLive);
        if (live < agents) figures["suspended_agents_live"] = live;
        var woken = figure.Live(live, figures);
        figures["suspended_agents_woken"] = Math.Min(woken == live ? agents : woken, figure.AsBytes(agents, figures));
    }

    /// <summary>Every question is put off, and noted with the time it was asked.</summary>
    private HostReturn Ask(IWasmInstance instance, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        _question = arguments[0].AsI32();
        _asked = Stopwatch.GetTimestamp();
        return HostReturn.Suspend;
    }

    /// <summary>
    /// Resuming is from the answer until the guest runs on, and asks again; suspending is from that question until the
    /// host has its thread back. An engine that replays does again what it did before, so that a guest there is asked
    /// a few times only.
    /// </summary>
    private void InPlace(int answers, JsonObject figures)
    {
        var instance = Suspended(1);
        var suspend = new double[20_000];
        var resume = new double[suspend.Length];
        var answer = new[] { WasmValue.FromI32(1) };
        for (var i = 0; i < suspend.Length; i++)
        {
            if (i % answers == answers - 1)
            {
                instance.Dispose();
                instance = Suspended(1);
            }

            var start = Stopwatch.GetTimestamp();
            instance.Resume(answer, _results);
            suspend[i] = LatencyFigures.Microseconds(_asked, Stopwatch.GetTimestamp());
            resume[i] = LatencyFigures.Microseconds(start, _asked);
        }

        Array.Sort(suspend);
        Array.Sort(resume);
        figures["suspend_us_p50"] = Math.Round(suspend[suspend.Length / 2], 3);
        figures["resume_us_p50"] = Math.Round(resume[resume.Length / 2], 3);
        var bytes = new ArrayBufferWriter<byte>();
        instance.WriteSnapshot(bytes);
        figures["suspended_bytes"] = bytes.WrittenCount;
        instance.Dispose();
    }

    /// <summary>Suspended and left in memory: what each costs there, and how many go on when woken.</summary>
    private int Live(int agents, JsonObject figures)
    {
        var instances = new IWasmInstance[agents];
        using var process = Process.GetCurrentProcess();
        var (before, threads) = (Environment.WorkingSet, process.Threads.Count);
        for (var i = 0; i < agents; i++) instances[i] = Suspended(i);
        figures["suspended_rss_bytes_each"] = (Environment.WorkingSet - before) / agents;
        process.Refresh();
        figures["suspended_threads"] = Math.Max(0, process.Threads.Count - threads);
        var woken = 0;
        foreach (var i in Order(agents)) woken += Wakes(instances[i], i);
        foreach (var instance in instances) instance.Dispose();
        return woken;
    }

    private int AsBytes(int agents, JsonObject figures)
    {
        var start = Stopwatch.GetTimestamp();
        var stored = new byte[agents][];
        for (var i = 0; i < agents; i++)
        {
            using var instance = Suspended(i);
            var bytes = new ArrayBufferWriter<byte>(8_192);
            instance.WriteSnapshot(bytes);
            stored[i] = bytes.WrittenSpan.ToArray();
        }

        figures["put_away_us"] = Math.Round(Stopwatch.GetElapsedTime(start).TotalMicroseconds / agents, 2);
        start = Stopwatch.GetTimestamp();
        var woken = 0;
        foreach (var i in Order(agents))
        {
            using var instance = _module.Restore(stored[i], _functions, SandboxBenchmark.Limits);
            woken += Wakes(instance, i);
        }

        figures["wake_us"] = Math.Round(Stopwatch.GetElapsedTime(start).TotalMicroseconds / agents, 2);
        return woken;
    }

    private IWasmInstance Suspended(int agent)
    {
        var instance = _module.Instantiate(_functions, SandboxBenchmark.Limits);
        instance.Call("converse", [WasmValue.FromI32(agent)], _results);
        return instance;
    }

    /// <summary>One when the agent goes on where it was: its second question follows from its number.</summary>
    private int Wakes(IWasmInstance instance, int agent)
    {
        _question = -1;
        return instance.Resume([WasmValue.FromI32(1)], _results) == WasmCallStatus.Suspended && _question == agent + 6
            ? 1 : 0;
    }

    private static int[] Order(int agents)
    {
        var order = Enumerable.Range(0, agents).ToArray();
        new Random(1).Shuffle(order);
        return order;
    }
}
