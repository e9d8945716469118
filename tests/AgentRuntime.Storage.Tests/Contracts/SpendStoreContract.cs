using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every <see cref="ISpendStore"/> does.</summary>
public abstract class SpendStoreContract : IAsyncLifetime
{
    private static readonly DateOnly Day = new(2026, 11, 29);

    private readonly TenantId _tenant = Given.Tenant(1);

    protected abstract ISpendStore Spend { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task Nothing_is_known_of_a_newcomer()
    {
        Assert.Null(await Spend.FindAsync(_tenant, default));
        await RaiseAsync(Day, 10);
        Assert.Null(await Spend.FindAsync(Given.Tenant(2), default));
    }

    [Fact]
    public async Task A_day_is_raised_and_never_lowered()
    {
        await RaiseAsync(Day, 10);
        await RaiseAsync(Day, 30);
        await RaiseAsync(Day, 20);
        Assert.Equal(new(Day, new(30)), await Spend.FindAsync(_tenant, default));
    }

    [Fact]
    public async Task The_next_day_replaces_it_and_an_earlier_one_does_not()
    {
        await RaiseAsync(Day, 30);
        await RaiseAsync(Day.AddDays(1), 5);
        await RaiseAsync(Day, 40);
        Assert.Equal(new(Day.AddDays(1), new(5)), await Spend.FindAsync(_tenant, default));
    }

    [Fact]
    public async Task What_was_raised_in_advance_is_given_back()
    {
        await RaiseAsync(Day, 30);
        await Spend.ReplaceAsync(_tenant, new(Day, new(12)), default);
        Assert.Equal(new(Day, new(12)), await Spend.FindAsync(_tenant, default));
    }

    [Fact]
    public async Task Whatever_the_order_the_highest_stays()
    {
        await Task.WhenAll(Enumerable.Range(1, 40).Select(i => RaiseAsync(Day, i * 7 % 41)));
        Assert.Equal(new(Day, new(40)), await Spend.FindAsync(_tenant, default));
    }

    private async Task RaiseAsync(DateOnly day, long spent) =>
        await Spend.RaiseAsync(_tenant, new(day, new(spent)), default);
}
