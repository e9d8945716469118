namespace AgentRuntime.Gateway.Routing.Tests;

public class KvIndexModelTests
{
    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 8)]
    [InlineData(3, 70)]
    [InlineData(4, 70)]
    [InlineData(5, 200)]
    public void The_index_agrees_with_a_naive_one_whatever_happens(int seed, int engines)
    {
        var random = new Random(seed);
        var index = new KvIndex(new() { MaxBlocks = 1 << 16, SpeculativeSeconds = 5 });
        var naive = new NaiveIndex(speculativeSeconds: 5);
        var prompts = Enumerable.Range(0, 40).Select(_ => Prompt(random)).ToArray();
        var matches = new PrefixMatches();
        for (var e = 0; e < engines; e++)
            index.Add(e);

        var now = 0.0;
        for (var step = 0; step < 6_000; step++)
        {
            var engine = random.Next(engines);
            var prompt = prompts[random.Next(prompts.Length)];
            var part = prompt[..random.Next(1, prompt.Length + 1)];
            switch (random.Next(20))
            {
                case < 8:
                    foreach (var key in part)
                    {
                        index.Store(engine, key);
                        naive.Store(engine, key);
                    }

                    break;
                case < 13:
                    foreach (var key in prompt[random.Next(prompt.Length)..])
                    {
                        index.Evict(engine, key);
                        naive.Evict(engine, key);
                    }

                    break;
                case < 16:
                    index.Speculate(engine, part, now);
                    naive.Speculate(engine, part, now);
                    break;
                case < 17:
                    index.Retract(engine, part);
                    naive.Retract(engine, part);
                    break;
                case < 18 when random.Next(4) == 0:
                    index.Forget(engine);
                    naive.Forget(engine);
                    break;
                default:
                    now += random.NextDouble() * 2;
                    index.Advance(now);
                    naive.Advance(now);
                    break;
            }

            index.Match(prompt, matches);
            for (var e = 0; e < engines; e++)
                Assert.Equal(naive.Match(e, prompt), matches[e]);
        }

        for (var e = 0; e < engines; e++)
            Assert.Equal(naive.HeldBy(e), index.HeldBy(e));
    }

    private static BlockKey[] Prompt(Random random)
    {
        var group = random.Next(4);
        var shared = random.Next(1, 12);
        var own = random.Next(0, 30);
        var id = random.Next(1_000_000);
        return [.. CoreFixture.Blocks(group * 1000, shared), .. CoreFixture.Blocks(100_000 + (id * 64), own)];
    }
}
