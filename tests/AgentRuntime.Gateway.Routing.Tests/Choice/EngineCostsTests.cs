namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>The costs of four engines at once against those of one after the other, to the last bit.</summary>
public class EngineCostsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Four_at_once_cost_what_each_costs_alone(int seed)
    {
        var random = new Random(seed);
        var costs = new EngineCosts();
        var waited = 0;
        for (var round = 0; round < 300; round++)
        {
            var rows = new EngineRow[random.Next(38)];
            var held = new int[rows.Length];
            var longest = random.Next(1, 50);
            for (var i = 0; i < rows.Length; i++)
            {
                rows[i] = Row(random);
                held[i] = random.Next(3) == 0 ? 0 : random.Next(longest + 1);
            }

            var pool = Pool(random);
            var terms = Terms(random, rows, pool);
            if (!terms.Ahead.IsNone)
                waited++;
            double[] load = random.Next(2) == 0 ? [] : [.. rows.Select(_ => random.Next(4) switch
            {
                0 => double.PositiveInfinity, 1 => 0, _ => random.NextDouble(),
            })];
            double[] saved = random.Next(2) == 0 ? [] : [.. Enumerable.Range(0, longest + 1).Select(i => i * 7.5)];
            var excluded = random.Next(-1, rows.Length);
            load.CopyTo(costs.Load(load.Length));
            costs.Compute(rows, held, costs.Load(load.Length), saved, terms, excluded);

            var count = 0;
            for (var e = 0; e < rows.Length; e++)
            {
                var expected = One(rows[e], e, held[e], load.Length == 0 ? 0 : load[e], saved, terms, excluded);
                if (expected.Usable)
                    count++;
                Assert.Equal(expected.Prefill, costs.Prefill[e]);
                Assert.Equal(expected.Single, costs.Single[e]);
                Assert.Equal(expected.Decode, costs.Decode[e]);
            }

            Assert.Equal(count, costs.Count);
            double[] single = [.. costs.Single[..rows.Length]];
            Assert.Equal(single.Append(double.PositiveInfinity).Min(), costs.LeastSingle);
        }

        Assert.InRange(waited, 50, 250);
    }

    private static (bool Usable, double Prefill, double Single, double Decode) One(
        EngineRow row, int engine, int held, double load, double[] saved, CostTerms t, int excluded)
    {
        const double Never = double.PositiveInfinity;
        if (!row.Open || row.FreshUntil < t.Now || engine == excluded || double.IsInfinity(load))
            return (false, Never, Never, Never);
        double uncached = t.PromptTokens
            - (int)(Math.Min((long)held * t.BlockTokens, t.PromptTokens - 1) * row.CacheTrust);
        var full = row.Running >= row.MaxRunning || row.KvFreeTokens < t.NeedKv ? Candidates.FullPenalty : 0;
        var decode = full + (1e-6 * row.Running) + (t.OutputWeight
            * (row.DecodeSeconds + (row.DecodeSecondsPerRunning * ((2 * row.Running) + 1))));
        var queue = row.QueueSeconds(t.Now) + t.Ahead.Seconds(row, engine);
        var lost = saved.Length == 0 ? uncached : Math.Max(0, uncached - (saved[^1] - saved[held]));
        var cost = queue
            + (row.PrefillSeconds(uncached) * (1 + (t.StreamDelayWeight * row.PrefillStall * row.Running)))
            + (t.Congestion.Factor(queue) * t.TokenSeconds * lost) + load;
        return (true,
            row.Roles.HasFlag(EngineRoles.Prefill) ? cost : Never,
            row.Roles.HasFlag(t.Alone) ? cost + decode : Never,
            row.Roles.HasFlag(EngineRoles.Decode)
                ? decode + load + t.TransferSetup + (t.TransferToken * uncached) : Never);
    }

    private static EngineRow Row(Random random)
    {
        var row = new EngineRow
        {
            BusyUntil = 10 * random.NextDouble(), FreshUntil = random.Next(5) == 0 ? 1 : double.PositiveInfinity,
            TokenSeconds = random.NextDouble() / 1000, TokenSecondsPerRunning = random.NextDouble() / 1e5,
            OverheadSeconds = random.NextDouble() / 10, DecodeSeconds = random.NextDouble() / 50,
            DecodeSecondsPerRunning = random.NextDouble() / 1000, CacheTrust = random.NextDouble(),
            PrefillStall = random.NextDouble(), ForeignSeconds = random.NextDouble(), BusyShare = random.NextDouble(),
            KvFreeTokens = random.Next(3) == 0 ? random.Next(5000) : long.MaxValue,
            Running = random.Next(20), MaxRunning = random.Next(10, 30), Prefilling = random.Next(3),
            Roles = (EngineRoles)random.Next(1, 4), Open = random.Next(6) > 0,
        };
        for (var p = 0; p < RoutingOptions.MaxClasses; p++)
            row.Waiting[p] = random.NextDouble();
        return row;
    }

    /// <summary>A pool in which requests wait, or none.</summary>
    private static ModelPool Pool(Random random)
    {
        var f = new CoreFixture(null, new EngineDescription("e", "m") { MaxRunning = 1 });
        for (var i = random.Next(2) * 5; i > 0; i--)
            f.Submit(prompt: 1000);
        while (f.Core.TryTake(f.Now, out _))
        {
        }

        return f.Core.PoolOf(1);
    }

    private static CostTerms Terms(Random random, EngineRow[] rows, ModelPool pool)
    {
        var now = 5 + random.NextDouble();
        var ahead = new WorkAhead(pool, null, priority: random.Next(3), front: random.Next(-1, 5), 0.001);
        return new()
        {
            PromptTokens = random.Next(1, 5000), BlockTokens = 16, NeedKv = random.Next(6000),
            OutputWeight = random.NextDouble(), StreamDelayWeight = random.NextDouble(),
            TokenSeconds = random.NextDouble() / 1000, TransferSetup = random.NextDouble() / 100,
            TransferToken = random.NextDouble() / 1e5, Now = now,
            Alone = random.Next(4) == 0 ? EngineRoles.Decode : EngineRoles.Both,
            Congestion = new(rows, 0, ahead, 0.4, now), Ahead = ahead,
        };
    }
}
