using System.Diagnostics;
using System.Runtime;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <summary>
/// One thread for all engines of the process, which charges running guests with the time that passes and interrupts
/// those that used theirs up. Guests that neither start nor finish cost nothing; with none running the thread waits.
/// </summary>
internal static class EpochTicker
{
    private const int TickMs = 1;
    private const int IdleTicks = 50;

    /// <summary>The most that one tick charges: a host that was paused must not kill its guests.</summary>
    private static readonly long MaxCharge = Stopwatch.Frequency / 100;

    private static readonly Lock Gate = new();
    private static readonly List<ManagedInstance> Watched = [];
    private static readonly AutoResetEvent Wake = new(false);
    private static Thread? _thread;

    public static void Watch(ManagedInstance instance)
    {
        lock (Gate)
        {
            if (instance.Watched) return;
            instance.Watched = true;
            Watched.Add(instance);
            if (Watched.Count > 1) return;
            if (_thread is null)
            {
                _thread = new Thread(Run, 256 * 1024) { IsBackground = true, Name = "wasm epoch",
                    Priority = ThreadPriority.AboveNormal };
                _thread.Start();
            }
        }

        Wake.Set();
    }

    private static void Run()
    {
        var last = Stopwatch.GetTimestamp();
        var made = JitInfo.GetCompilationTime();
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
                made = JitInfo.GetCompilationTime();
            }

            var now = Stopwatch.GetTimestamp();
            // Making machine code is the host's work, whether on a guest's thread or beside; it is counted when done,
            // so that a long one is charged at first and given back.
            var making = JitInfo.GetCompilationTime();
            var passed = Math.Min(now - last, MaxCharge);
            var credit = (long)((making - made).TotalSeconds * Stopwatch.Frequency);
            (last, made) = (now, making);
            lock (Gate) Tick(passed, credit);
        }
    }

    private static void Tick(long passed, long credit)
    {
        for (var i = Watched.Count - 1; i >= 0; i--)
        {
            var instance = Watched[i];
            if (instance.InGuest)
            {
                instance.IdleTicks = 0;
                if (instance.Pending != 0) instance.TakeStack();
                instance.Charge(passed, credit);
                if (instance.CpuUsed > instance.CpuLimit) instance.Interrupt(TrapKind.CpuTimeExhausted);
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
    }
}
