using System.Diagnostics;
using System.Text;
using AgentRuntime.Gateway.Routing.Simulation;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Routing.Tests;

public class TraceSimulationTests(ITestOutputHelper output)
{
    private static readonly string[] Others = ["llmd_322", "dynamo_linear", "lmetric"];

    [Fact]
    public void On_the_Mooncake_trace_ours_meets_the_figures_of_reference_and_no_other_policy_is_better()
    {
        if (Mooncake() is not { } trace)
            return;

        var pool = new SimulationOptions { Engines = 8, Speed = 2 };
        var ours = TraceSimulation.Run("ours", trace, pool);
        output.WriteLine(ours.ToString());

        Assert.Equal(trace.Count, ours.Requests);
        Assert.InRange(ours.TtftMeanSeconds, 0, 2.40);
        Assert.InRange(ours.TtftP99Seconds, 0, 12.3);
        Assert.InRange(ours.BlockHitRatio, 0.328, 1);
        foreach (var policy in Others)
            AssertBetter(ours, TraceSimulation.Run(policy, trace, pool), policy);
    }

    [Theory]
    [InlineData(3.0)]
    public void Far_beyond_saturation_ours_keeps_to_its_caches(double speed)
    {
        if (Mooncake() is not { } trace)
            return;

        var pool = new SimulationOptions { Engines = 8, Speed = speed };
        var other = TraceSimulation.Run("llmd_322", trace, pool);
        AssertBetter(TraceSimulation.Run("ours", trace, pool), other, "llmd_322");
    }

    [Theory]
    [InlineData(1, 8, 11)]
    [InlineData(2, 4, 6)]
    [InlineData(3, 32, 45)]
    public void On_made_up_conversations_no_other_policy_is_better(int seed, int engines, double requestsPerSecond)
    {
        var trace = Conversations(seed, requestsPerSecond);
        var pool = new SimulationOptions { Engines = engines, BlockTokens = 64, KvTokens = 400_000 };

        var ours = TraceSimulation.Run("ours", trace, pool);

        output.WriteLine($"{ours.TtftMeanSeconds:F3} {ours.TtftP99Seconds:F3} {ours.BlockHitRatio:F4}");
        foreach (var policy in Others)
        {
            var other = TraceSimulation.Run(policy, trace, pool);
            output.WriteLine($"{policy} {other.TtftMeanSeconds:F3} {other.TtftP99Seconds:F3} {other.BlockHitRatio:F4}");
            Assert.True(ours.TtftMeanSeconds <= other.TtftMeanSeconds, $"{policy}: mean");
        }
    }

    [Theory]
    [InlineData(1, 8, 24)]
    [InlineData(2, 4, 11)]
    public void Prefixes_that_many_agents_share_do_not_stay_on_one_engine(
        int seed, int engines, double requestsPerSecond)
    {
        // One agent has half of all requests, and a prefix of 8,192 tokens.
        var trace = SyntheticTrace.Merge(
            Agents(requestsPerSecond / 2, groups: 1).Make(seed),
            (Agents(requestsPerSecond / 2, groups: 12) with { Tenant = 1 }).Make(seed + 1));
        var pool = new SimulationOptions
        {
            Engines = engines, BlockTokens = 512, KvTokens = 400_000, OneTenant = true,
        };

        var ours = TraceSimulation.Run("ours", trace, pool);

        output.WriteLine($"{ours.TtftMeanSeconds:F3} {ours.TtftP99Seconds:F3} {ours.BlockHitRatio:F4}");
        foreach (var policy in Others)
        {
            var other = TraceSimulation.Run(policy, trace, pool);
            output.WriteLine($"{policy} {other.TtftMeanSeconds:F3} {other.TtftP99Seconds:F3} {other.BlockHitRatio:F4}");
            Assert.True(ours.TtftMeanSeconds <= other.TtftMeanSeconds * 1.1, $"{policy}: mean");
            Assert.True(ours.TtftP99Seconds <= other.TtftP99Seconds * 1.1, $"{policy}: p99");
        }
    }

    [Theory]
    [InlineData(1, 8, 20)]
    [InlineData(2, 4, 10)]
    public void When_tool_agents_come_all_at_once_no_other_policy_is_better(
        int seed, int engines, double requestsPerSecond)
    {
        // Recorded traces come in steps of three seconds: who shares a prefix comes before anyone holds it.
        var agents = new SyntheticTrace
        {
            RequestsPerSecond = requestsPerSecond, Seconds = 120, Groups = 30, SystemTokens = 4096, TurnTokens = 1200,
            TurnSpread = 1, SessionsPerGroup = 8, Turns = 3, BlockTokens = 512, OutputTokens = 120,
        };
        List<TraceRequest> trace =
        [
            .. agents.Make(seed).Select(r => r with { ArrivalSeconds = Math.Floor(r.ArrivalSeconds / 1.5) * 1.5 }),
        ];
        var pool = new SimulationOptions { Engines = engines };

        var ours = TraceSimulation.Run("ours", trace, pool);

        output.WriteLine($"{ours.TtftMeanSeconds:F3} {ours.TtftP99Seconds:F3} {ours.BlockHitRatio:F4}");
        foreach (var policy in Others)
        {
            var other = TraceSimulation.Run(policy, trace, pool);
            output.WriteLine($"{policy} {other.TtftMeanSeconds:F3} {other.TtftP99Seconds:F3} {other.BlockHitRatio:F4}");
            Assert.True(ours.TtftMeanSeconds <= other.TtftMeanSeconds, $"{policy}: mean");
            Assert.True(ours.TtftP99Seconds <= other.TtftP99Seconds * 1.05, $"{policy}: p99");
            Assert.True(ours.BlockHitRatio >= other.BlockHitRatio - 0.005, $"{policy}: hits");
        }
    }

    [Fact]
    public void Late_events_cost_little()
    {
        var pool = new SimulationOptions { BlockTokens = 64, KvTokens = 400_000 };
        var (exact, late) = (0.0, 0.0);
        foreach (var seed in (ReadOnlySpan<int>)[4, 5, 6])
        {
            // Any change reshuffles such a replay by a few percent: three of them are compared.
            var trace = Conversations(seed, requestsPerSecond: 11);
            exact += TraceSimulation.Run("ours", trace, pool).TtftMeanSeconds;
            late += TraceSimulation.Run("ours", trace, pool with { EventDelaySeconds = 2 }).TtftMeanSeconds;
        }

        output.WriteLine($"{late:F3} against {exact:F3}");
        Assert.InRange(late, 0, exact * 1.2);
    }

    [Fact]
    public void Engines_of_unlike_speed_are_used_as_they_are_fast()
    {
        var trace = Conversations(seed: 5, requestsPerSecond: 11);

        // With room for what each holds: a fast engine serves more sessions, and out of a cache of the same size as the
        // others' it would lose more of them, which says nothing of how engines are chosen.
        var alike = new SimulationOptions { BlockTokens = 64, KvTokens = 4_000_000 };

        var even = TraceSimulation.Run("ours", trace, alike);
        var uneven = TraceSimulation.Run("ours", trace, alike with { EngineSpeeds = [1, 0.5, 1.5, 1] });

        output.WriteLine($"{uneven.TtftMeanSeconds:F3} against {even.TtftMeanSeconds:F3}");
        Assert.InRange(uneven.TtftMeanSeconds, 0, even.TtftMeanSeconds * 1.1);
    }

    [Fact]
    public void A_pool_of_prefill_and_decode_engines_serves_every_request_in_pairs()
    {
        var trace = Conversations(seed: 6, requestsPerSecond: 10);
        var pool = new SimulationOptions
        {
            Engines = 0, PrefillEngines = 8, DecodeEngines = 4, BlockTokens = 64, KvTokens = 400_000,
        };

        var ours = TraceSimulation.Run("ours", trace, pool);

        Assert.Equal(trace.Count, ours.Requests);
        Assert.InRange(ours.TtftMeanSeconds, 0, TraceSimulation.Run("llmd_322", trace, pool).TtftMeanSeconds);
    }

    [Theory]
    [InlineData("[1,2]")]
    [InlineData("{\"input_length\": 0}")]
    [InlineData("{\"input_length\": \"x\"}")]
    [InlineData("{\"input_length\": 5, \"hash_ids\": 7, \"output_length\": 3}")]
    [InlineData("{\"input_length\": 5, \"hash_ids\": [\"a\"], \"output_length\": 3}")]
    [InlineData("{\"input_length\": 5, \"hash_ids\": [1e300]}")]
    [InlineData("{\"input_length\": 5, \"output_length\": -1}")]
    [InlineData("{\"input_length\": 5, \"timestamp\": 1e400}")]
    [InlineData("{\"input_length\": 5} {\"input_length\": 5}")]
    [InlineData("{\"input_length\": 5")]
    public void A_line_that_is_no_trace_line_is_refused(string line) =>
        Assert.Throws<FormatException>(() => TraceRequest.ParseMooncake(Encoding.UTF8.GetBytes(line)));

    private static void AssertBetter(SimulationFigures ours, SimulationFigures other, string policy)
    {
        Assert.True(ours.TtftMeanSeconds <= other.TtftMeanSeconds, $"{policy}: mean {other.TtftMeanSeconds}");
        Assert.True(ours.TtftP99Seconds <= other.TtftP99Seconds, $"{policy}: p99 {other.TtftP99Seconds}");
        Assert.True(ours.BlockHitRatio >= other.BlockHitRatio, $"{policy}: hits {other.BlockHitRatio}");
    }

    private static SyntheticTrace Agents(double requestsPerSecond, int groups) => new()
    {
        RequestsPerSecond = requestsPerSecond, Seconds = 120, TurnTokens = 400, TurnSpread = 1, SystemTokens = 8192,
        Groups = groups, SessionsPerGroup = 24, Turns = 5, BlockTokens = 512, OutputTokens = 60,
    };

    private static List<TraceRequest> Conversations(int seed, double requestsPerSecond) => new SyntheticTrace
    {
        RequestsPerSecond = requestsPerSecond, Seconds = 200, TurnTokens = 2048, TurnSpread = 1.1, SystemTokens = 2048,
        Groups = 16,
    }.Make(seed);

    private List<TraceRequest>? Mooncake()
    {
        var file = SharedData.Folder is { } folder ? Path.Combine(folder, "mooncake-conversation.jsonl.xz") : null;
        if (file is null || !File.Exists(file))
        {
            output.WriteLine("skipped: no Mooncake trace in the data folder");
            return null;
        }

        using var xz = Process.Start(
            new ProcessStartInfo("xz", ["-dc", file]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        List<TraceRequest> trace = [];
        while (xz.StandardOutput.ReadLine() is { } line)
            trace.Add(TraceRequest.ParseMooncake(Encoding.UTF8.GetBytes(line)));
        xz.WaitForExit();
        return trace;
    }
}
