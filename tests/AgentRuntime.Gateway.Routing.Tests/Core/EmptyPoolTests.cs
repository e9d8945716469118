namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>Models that no engine has any more.</summary>
public class EmptyPoolTests
{
    private const double AnHour = 3_600;

    [Fact]
    public void A_pool_without_engines_is_given_up_after_an_hour_and_its_number_is_not_used_again()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        f.Submit();
        f.Finish(f.Take());
        f.Core.RemoveEngine(f.Engines[0], f.Now);
        f.Core.Advance(f.Now);
        Assert.NotEmpty(f.Core.ReportSlo(null, f.Now));

        f.Core.Advance(f.Now = AnHour - 1);
        Assert.True(f.Core.TryGetPool("m", out var before));
        f.Core.Advance(f.Now = AnHour);

        Assert.False(f.Core.TryGetPool("m", out _));
        Assert.False(f.Core.HasPool(before));
        Assert.Equal(1, f.Core.PoolsFreed);
        Assert.Empty(f.Core.AdviseScaling(f.Now));
        Assert.Empty(f.Core.ReportSlo(null, f.Now));
        Assert.Throws<ArgumentOutOfRangeException>(() => f.Submit());
        Assert.NotEqual(before, f.Core.AddEngine(CoreFixture.Named(1)[0], f.Now).Pool);
    }

    [Fact]
    public void A_pool_is_kept_while_something_is_under_way_or_an_engine_is_back()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        f.Submit();
        var underWay = f.Take();
        f.Core.RemoveEngine(f.Engines[0], f.Now);
        f.Core.Advance(f.Now = 2 * AnHour);
        Assert.True(f.Core.HasPool(1));
        f.Finish(underWay);
        f.Core.Advance(f.Now);

        var back = f.Core.AddEngine(CoreFixture.Named(1)[0], f.Now);
        f.Core.Advance(f.Now += AnHour);
        Assert.Equal(1, back.Pool);
        f.Core.RemoveEngine(back, f.Now);
        f.Core.Advance(f.Now);
        f.Core.Advance(f.Now += AnHour - 1);

        Assert.True(f.Core.HasPool(1));
    }

    [Fact]
    public void Of_many_empty_pools_the_longest_empty_go_first()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        for (var i = 0; i < 300; i++)
        {
            var engine = f.Core.AddEngine(new($"engine-{i}", $"model-{i}"), f.Now);
            f.Core.RemoveEngine(engine, f.Now);
            f.Core.Advance(++f.Now);
        }

        Assert.Equal(44, f.Core.PoolsFreed);
        Assert.True(f.Core.TryGetPool("m", out _));
        Assert.False(f.Core.TryGetPool("model-43", out _));
        Assert.True(f.Core.TryGetPool("model-44", out _));
    }
}
