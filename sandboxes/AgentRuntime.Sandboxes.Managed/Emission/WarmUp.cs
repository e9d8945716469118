using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>
/// Makes machine code before it is called: a little at once, so that small modules start without any to make, the rest
/// on one thread of the process at low priority. What is not made when a guest calls it is made then; the epoch ticker
/// does not charge guests for it. Bounded in time for each module and in modules that wait. Thread-safe.
/// </summary>
internal static class WarmUp
{
    private const int MaxWaiting = 32;

    private static readonly Lock Gate = new();
    private static readonly Queue<Work> Waiting = new();
    private static readonly SemaphoreSlim Ready = new(0);
    private static bool _started;

    private sealed record Work(MethodInfo[] Methods, int First, TimeSpan For);

    public static void Begin(MethodInfo[] methods, TimeSpan now, TimeSpan later)
    {
        var done = Prepare(new Work(methods, 0, now));
        if (done == methods.Length) return;
        lock (Gate)
        {
            // A module that finds the queue full is made as it is called.
            if (Waiting.Count == MaxWaiting) return;
            Waiting.Enqueue(new Work(methods, done, later));
            if (!_started)
            {
                _started = true;
                new Thread(Run, 8 << 20)
                {
                    IsBackground = true, Name = "wasm warm-up", Priority = ThreadPriority.BelowNormal,
                }.Start();
            }
        }

        Ready.Release();
    }

    private static void Run()
    {
        while (true)
        {
            Ready.Wait();
            Work work;
            lock (Gate) work = Waiting.Dequeue();
            Prepare(work);
        }
    }

    /// <summary>Returns where it stopped.</summary>
    private static int Prepare(Work work)
    {
        var started = Stopwatch.GetTimestamp();
        var i = work.First;
        for (; i < work.Methods.Length; i++)
        {
            if (Stopwatch.GetElapsedTime(started) >= work.For) break;
            try
            {
                RuntimeHelpers.PrepareMethod(work.Methods[i].MethodHandle);
            }
            catch (Exception)
            {
                // A method that the JIT cannot make: who calls it is told so.
            }
        }

        return i;
    }
}
