namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>The best pair of a group against all pairs of it.</summary>
public class PairOffersTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_best_pair_is_the_least_of_all_pairs(int seed)
    {
        var random = new Random(seed);
        var (found, none) = (0, 0);
        for (var round = 0; round < 2000; round++)
        {
            var engines = random.Next(1, 30);
            byte[] groups = [.. Enumerable.Range(0, engines).Select(_ => (byte)random.Next(3))];
            double[] prefill = [.. Enumerable.Range(0, engines).Select(_ => Cost(random))];
            double[] decode = [.. Enumerable.Range(0, engines).Select(_ => Cost(random))];
            var start = random.Next(engines);
            var offers = new PairOffers(1);
            offers.Offer(groups, prefill, decode, start, engines);
            offers.Offer(groups, prefill, decode, 0, start);
            var best = offers.Best();

            var pairs = from p in Enumerable.Range(0, engines)
                        from d in Enumerable.Range(0, engines)
                        where p != d && groups[p] == 1 && groups[d] == 1
                        select prefill[p] + decode[d];
            var least = pairs.Append(double.PositiveInfinity).Min();
            Assert.Equal(least, best.Cost);
            if (double.IsInfinity(least))
            {
                none++;
                continue;
            }

            found++;
            Assert.NotEqual(best.Prefill, best.Decode);
            Assert.Equal((1, 1), (groups[best.Prefill], groups[best.Decode]));
            Assert.Equal(least, prefill[best.Prefill] + decode[best.Decode]);
        }

        Assert.InRange(found, 500, 1900);
        Assert.InRange(none, 100, 1500);
    }

    [Fact]
    public void Of_equals_the_first_ones_are_taken()
    {
        var offers = new PairOffers(1);
        var groups = Enumerable.Repeat((byte)1, 9).ToArray();
        var costs = Enumerable.Repeat(1.0, 9).ToArray();
        offers.Offer(groups, costs, costs, 3, 9);
        offers.Offer(groups, costs, costs, 0, 3);
        Assert.Equal((3, 4, 2.0), offers.Best());
    }

    /// <summary>Often infinite, and often what another one has.</summary>
    private static double Cost(Random random) =>
        random.Next(3) == 0 ? double.PositiveInfinity : random.Next(12) / 4.0;
}
