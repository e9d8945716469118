using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Transfer;

public sealed class KvSharesTests
{
    [Theory]
    [InlineData(1, 750)]
    [InlineData(2, 428)]
    [InlineData(7, 136)]
    public void Those_who_take_all_they_can_get_the_same_and_leave_room_for_the_next(int groups, int each)
    {
        var shares = new KvShares(1000);
        var held = new int[groups];
        for (var took = true; took;)
        {
            took = false;
            for (var i = 0; i < groups; i++)
            {
                if (!shares.Of($"g{i}").TryTake(1)) continue;
                held[i]++;
                took = true;
            }
        }

        Assert.All(held, h => Assert.InRange(h, each - 1, each + 1));
        Assert.True(shares.Of("next").TryTake((1000 - shares.Taken) / 2));
    }

    [Fact]
    public void No_salt_is_a_group_and_no_salt_is_spelled_like_it()
    {
        var shares = new KvShares(8);
        Assert.True(shares.Of(null).TryTake(1));
        Assert.True(shares.Of("").TryTake(1));
        Assert.True(shares.Of("=").TryTake(1));
        Assert.Equal(3, shares.Groups);
    }

    [Fact]
    public void What_is_given_back_is_there_again_and_nobody_is_remembered()
    {
        var random = new Random(45);
        var shares = new KvShares(1000);
        var taken = new List<(IKvBudget Share, int Count)>();
        for (var step = 0; step < 20_000; step++)
        {
            if (random.Next(2) == 0)
            {
                var (share, count) = (shares.Of($"g{random.Next(50)}"), random.Next(1, 300));
                if (share.TryTake(count)) taken.Add((share, count));
            }
            else if (taken.Count > 0)
            {
                var i = random.Next(taken.Count);
                taken[i].Share.Give(taken[i].Count);
                taken.RemoveAt(i);
            }

            Assert.Equal(taken.Sum(t => t.Count), shares.Taken);
            Assert.InRange(shares.Taken, 0, 1000);
        }

        foreach (var (share, count) in taken) share.Give(count);
        Assert.Equal((0, 0), (shares.Taken, shares.Groups));
        Assert.False(shares.Of("g").TryTake(long.MaxValue));
        Assert.True(new KvShares(long.MaxValue).Of("g").TryTake(long.MaxValue / 2));
    }
}
