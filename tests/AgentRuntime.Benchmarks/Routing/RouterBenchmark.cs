using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Benchmarks.Routing;

/// <summary>
/// <c>./tests/bench router</c>: decisions and index operations with 1,000 engines, 10 million blocks and prompts of 100
/// blocks, on one core. Rates are for each second of processor time, so that a shared machine shows the same; times of
/// single decisions are by the clock.
/// </summary>
internal sealed class RouterBenchmark : IBenchmark
{
    private const int PromptBlocks = 100;
    private const int SharedBlocks = 16;
    private const int BlockTokens = 16;

    public string Name => "router";

    public Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var options = new BenchArguments(args, "engines", "blocks", "decisions");
        var engines = options.Count("engines", 1000);
        var prompts = options.Count("blocks", 10_000_000) / (PromptBlocks - SharedBlocks);
        var decisions = options.Count("decisions", 200_000);
        var core = new RoutingCore(
            new()
            {
                BlockTokens = BlockTokens,
                Index = new() { MaxBlocks = 16 << 20 },
                Classes = [new("all", 0) { MaxWaitSeconds = 1e6, PromoteAfterSeconds = 1e6 }],
            },
            seed: 1);
        for (var e = 0; e < engines; e++)
            core.AddEngine(new($"engine-{e}", "model") { MaxRunning = 1_000_000 }, 0);
        core.TryGetPool("model", out var pool);
        var index = core.IndexOf(pool);

        var fill = Fill(index, engines, prompts);
        Console.Error.WriteLine($"filled: {index.BlockCount:N0} blocks, {index.MemoryBytes >> 20} MiB");
        var keys = new BlockKey[256][];
        var random = new Random(5);
        for (var i = 0; i < keys.Length; i++)
            keys[i] = Prompt(random.Next(prompts));
        Decide(core, pool, keys, 20_000, out _, out _);
        var times = Decide(core, pool, keys, decisions, out var allocated, out var perSecond);
        Array.Sort(times);
        var cycle = Cycles(core, pool, keys, 50_000, out var cycleAllocated);
        return Task.FromResult(new JsonObject
        {
            ["decide_us_p50"] = Math.Round(times[times.Length / 2], 2),
            ["decide_us_p99"] = Math.Round(times[times.Length * 99 / 100], 2),
            ["decisions_per_s_core"] = Math.Round(perSecond),
            ["request_cycles_per_s_core"] = Math.Round(cycle),
            ["index_ops_per_s_core"] = Math.Round(Operations(index, engines, prompts)),
            ["index_fill_ops_per_s_core"] = Math.Round(fill),
            ["bytes_per_block"] = Math.Round((double)index.MemoryBytes / index.BlockCount, 1),
            ["alloc_bytes_per_decision"] = Math.Round((double)allocated / decisions, 3),
            ["alloc_bytes_per_cycle"] = Math.Round(cycleAllocated / 50_000.0, 3),
            ["blocks"] = index.BlockCount,
            ["engines"] = engines,
        });
    }

    /// <summary>The first 4 blocks are everyone's, 12 more a group's, the rest the prompt's own.</summary>
    private static BlockKey Key(int prompt, int block)
    {
        var owner = block < 4 ? 0L : block < SharedBlocks ? 1_000_000_000L + (prompt % 1000) : 2_000_000_000L + prompt;
        var x = (ulong)((owner << 8) + block) + 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return new((x ^ (x >> 31)) | 1);
    }

    private static BlockKey[] Prompt(int prompt) => [.. Enumerable.Range(0, PromptBlocks).Select(b => Key(prompt, b))];

    private static double Fill(KvIndex index, int engines, int prompts)
    {
        var started = Environment.CpuUsage.TotalTime;
        for (var p = 0; p < prompts; p++)
        {
            for (var b = 0; b < PromptBlocks; b++)
                index.Store(p % engines, Key(p, b));
        }

        for (var e = 0; e < engines; e++)
        {
            for (var b = 0; b < SharedBlocks; b++)
                index.Store(e, Key(e, b));
        }

        return (double)prompts * PromptBlocks / (Environment.CpuUsage.TotalTime - started).TotalSeconds;
    }

    private static double[] Decide(
        RoutingCore core, int pool, BlockKey[][] keys, int count, out long allocated, out double perSecond)
    {
        var times = new double[count];
        var request = new RouteRequest
        {
            Pool = pool, Tenant = new TenantId(new Guid(1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1])),
            PromptTokens = (PromptBlocks * BlockTokens) + 5, ExpectedOutputTokens = 100,
        };
        var before = GC.GetAllocatedBytesForCurrentThread();
        var processor = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < count; i++)
        {
            var started = Stopwatch.GetTimestamp();
            _ = core.Decide(request with { Blocks = keys[i & 255] }, 1);
            times[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }

        perSecond = count / (Environment.CpuUsage.TotalTime - processor).TotalSeconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return times;
    }

    /// <summary>Whole lives of requests: submitted, taken, first token, completed.</summary>
    private static double Cycles(RoutingCore core, int pool, BlockKey[][] keys, int count, out long allocated)
    {
        var request = new RouteRequest
        {
            Pool = pool, Tenant = new TenantId(new Guid(1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1])),
            PromptTokens = (PromptBlocks * BlockTokens) + 5, ExpectedOutputTokens = 100,
        };
        var now = 1.0;
        var before = 0L;
        var started = TimeSpan.Zero;
        for (var i = -20_000; i < count; i++)
        {
            if (i == 0)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
                started = Environment.CpuUsage.TotalTime;
            }

            core.Submit(request with { Blocks = keys[i & 255] }, now);
            while (core.TryTake(now, out var taken))
            {
                core.FirstToken(taken.Ticket, now + 0.0001, 0);
                core.Completed(taken.Ticket, request.PromptTokens, 0, 100, now + 0.0002);
            }

            now += 0.001;
            if (i % 50 == 0)
                core.Advance(now);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return count / (Environment.CpuUsage.TotalTime - started).TotalSeconds;
    }

    /// <summary>Stores and removals, half and half, of blocks all over a full index.</summary>
    private static double Operations(KvIndex index, int engines, int prompts)
    {
        const int Rounds = 20_000;
        var random = new Random(9);
        var chosen = new int[Rounds];
        for (var i = 0; i < Rounds; i++)
            chosen[i] = random.Next(prompts);
        var keys = new BlockKey[Rounds * PromptBlocks];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = Key(chosen[i / PromptBlocks], i % PromptBlocks);
        var started = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < keys.Length; i++)
        {
            var engine = chosen[i / PromptBlocks] % engines;
            index.Evict(engine, keys[i]);
            index.Store(engine, keys[i]);
        }

        return 2.0 * keys.Length / (Environment.CpuUsage.TotalTime - started).TotalSeconds;
    }
}
