using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// One thread for the process, which charges running guests with the time that passes, tells those that used theirs up
/// to stop, and increments the epoch so that they look. With none running the thread waits.
/// </summary>
internal static class EpochTicker
{
    private const int TickMs = 1;
    private const int IdleTicks = 50;

    /// <summary>The most that one tick charges: a host that was paused must not kill its guests.</summary>
    private static readonly long MaxCharge = Stopwatch.Frequency / 100;

    private static readonly Lock Gate = new();
    private static readonly List<WasmtimeInstance> Watched = [];
    private static readonly List<NativeEngine> Running = [];
    private static readonly AutoResetEvent Wake = new(false);
    private static Thread? _thread;

    public static void Watch(WasmtimeInstance instance)
    {
        lock (Gate)
        {
            if (instance.Watched) return;
            instance.Watched = true;
            Watched.Add(instance);
            if (Watched.Count > 1) return;
            if (_thread is null)
            {
                _thread = new Thread(Run, 256 * 1024)
                {
                    IsBackground = true,
                    Name = "wasmtime epoch",
                    Priority = ThreadPriority.AboveNormal,
                };
                _thread.Start();
            }
        }

        Wake.Set();
    }

    private static void Run()
    {
        var last = Stopwatch.GetTimestamp();
        while (true)
        {
            bool any;
            lock (Gate) any = Watched.Count > 0;
            if (any)
            {
                Wake.WaitOne(TickMs);
            }
            else
            {
                Wake.WaitOne();
                last = Stopwatch.GetTimestamp();
            }

            var now = Stopwatch.GetTimestamp();
            var passed = Math.Min(now - last, MaxCharge);
            last = now;
            lock (Gate) TickWithLockHeld(passed);
        }
    }

    private static void TickWithLockHeld(long passed)
    {
        for (var i = Watched.Count - 1; i >= 0; i--)
        {
            var instance = Watched[i];
            if (instance.InGuest)
            {
                instance.IdleTicks = 0;
                if (instance.Charge(passed))
                {
                    instance.RequestStop(TrapKind.CpuTimeExhausted);
                    if (!Running.Contains(instance.Engine)) Running.Add(instance.Engine);
                }
            }
            else if (++instance.IdleTicks > IdleTicks)
            {
                instance.IdleTicks = 0;
                instance.Watched = false;
                // The guest's thread sets InGuest and then reads Watched, without a fence; this one pays for both.
                Interlocked.MemoryBarrierProcessWide();
                if (instance.InGuest) instance.Watched = true;
                else Watched.RemoveAt(i);
            }
        }

        // Only when somebody is to stop: every guest of the engine then calls back, which costs each of them a little.
        NativeEngine.IncrementAll(Running);
        Running.Clear();
    }
}
