using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>From another thread's request to stop until the guest's thread is back in the host.</summary>
internal static class StopFigures
{
    public static void Measure(IWasmModule small, IWasmEngine engine, JsonObject figures)
    {
        var functions = LatencyFigures.Host(small, LatencyFigures.Answering(mayBlock: false));
        var lags = new double[200];
        for (var i = 0; i < lags.Length; i++)
        {
            using var instance = small.Instantiate(functions, SandboxBenchmark.Limits);
            using var running = new ManualResetEventSlim();
            long stopped = 0;
            var thread = new Thread(() =>
            {
                running.Set();
                try
                {
                    instance.Call("spin", [], []);
                }
                catch (WasmTrapException)
                {
                    stopped = Stopwatch.GetTimestamp();
                }

                engine.LeaveThread();
            });
            thread.Start();
            running.Wait();
            var asked = Stopwatch.GetTimestamp();
            instance.Interrupt(TrapKind.Stopped);
            thread.Join();
            lags[i] = Stopwatch.GetElapsedTime(asked, stopped).TotalMilliseconds;
        }

        Array.Sort(lags);
        figures["stop_lag_ms_p99"] = Math.Round(lags[^3], 3);
    }
}
