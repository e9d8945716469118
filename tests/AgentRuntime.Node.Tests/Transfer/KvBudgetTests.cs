using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Transfer;

public sealed class KvBudgetTests
{
    [Fact]
    public async Task What_is_refused_takes_nothing_from_others_for_any_moment()
    {
        var budget = new KvBudget(100);
        var isOver = false;
        var refused = Task.Run(() =>
        {
            while (!Volatile.Read(ref isOver)) Assert.False(budget.TryTake(101));
        });
        for (var i = 0; i < 1_000_000; i++)
        {
            Assert.True(budget.TryTake(100));
            budget.Give(100);
        }

        Volatile.Write(ref isOver, true);
        await refused;
        Assert.Equal(0, budget.Taken);
        Assert.True(budget.TryTake(1));
        Assert.False(budget.TryTake(long.MaxValue));
        Assert.True(budget.TryTake(99));
        Assert.False(budget.TryTake(1));
    }
}
