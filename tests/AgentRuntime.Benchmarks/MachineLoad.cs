using System.Diagnostics;
using System.Globalization;

namespace AgentRuntime.Benchmarks;

/// <summary>
/// What the machine has computed up to a moment: in all, and for this process and the processes below it, those that
/// ended and were waited for among them. From <c>/proc</c> (proc_pid_stat(5), proc_stat(5)), in steps of 10 ms.
/// </summary>
/// <param name="At">The moment, as <see cref="Stopwatch.GetTimestamp"/>.</param>
/// <param name="All">Of all processes and the kernel.</param>
/// <param name="Own">Of this process and those below it.</param>
internal readonly record struct MachineLoad(long At, TimeSpan All, TimeSpan Own)
{
    /// <summary>USER_HZ, which Linux fixes for programs.</summary>
    private const double TicksPerSecond = 100;

    public static MachineLoad Now() => new(Stopwatch.GetTimestamp(), Everything(), Tree(Environment.ProcessId));

    /// <summary>The share of all cores that programs of others took since then, from 0 to 1.</summary>
    public double OthersSince(MachineLoad then)
    {
        var cores = Stopwatch.GetElapsedTime(then.At, At) * Environment.ProcessorCount;
        return Math.Clamp((All - then.All - (Own - then.Own)) / cores, 0, 1);
    }

    private static TimeSpan Everything()
    {
        // cpu user nice system idle iowait irq softirq steal guest guest_nice; guest is in user already.
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Ticks(fields, 1) + Ticks(fields, 2) + Ticks(fields, 3) + Ticks(fields, 6) + Ticks(fields, 7)
            + Ticks(fields, 8);
    }

    private static TimeSpan Tree(int root)
    {
        var processes = new Dictionary<int, (int Parent, TimeSpan Used)>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id)
                && Read(folder) is { } process)
                processes[id] = process;
        }

        bool IsBelow(int id)
        {
            for (var steps = 0; id != root; steps++)
            {
                if (steps > processes.Count || !processes.TryGetValue(id, out var process)) return false;
                id = process.Parent;
            }

            return true;
        }

        return processes.Where(p => IsBelow(p.Key)).Aggregate(TimeSpan.Zero, (sum, p) => sum + p.Value.Used);
    }

    private static (int Parent, TimeSpan Used)? Read(string folder)
    {
        try
        {
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            // The name, in parentheses, may hold anything; the state is the third field.
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (int.Parse(fields[1], CultureInfo.InvariantCulture),
                Ticks(fields, 11) + Ticks(fields, 12) + Ticks(fields, 13) + Ticks(fields, 14));
        }
        catch (IOException)
        {
            // It ended in the meantime; its parent's fields have what it used.
            return null;
        }
    }

    private static TimeSpan Ticks(string[] fields, int at) =>
        TimeSpan.FromSeconds(long.Parse(fields[at], CultureInfo.InvariantCulture) / TicksPerSecond);
}
