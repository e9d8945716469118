using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane.Tests;

/// <summary>The day's money over restarts and crashes.</summary>
public sealed class QuotaRestartTests
{
    private readonly LedgerFixture _quota = new()
    {
        Limits = new QuotaLimits { RequestsPerMinute = 100_000, TokensPerMinute = new(1_000_000_000),
            CostPerDay = new(100_000) },
    };

    [Fact]
    public async Task A_restart_gives_nothing_back_and_costs_nothing()
    {
        await _quota.SettleAsync(await _quota.HoldAsync(50_000, 0), 40_000, 0, 0);
        await _quota.RestartAsync();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(60_001, 0)).Code);
        await _quota.HoldAsync(60_000, 0);
    }

    [Fact]
    public async Task What_is_held_when_a_process_ends_is_spent()
    {
        await _quota.HoldAsync(90_000, 0);
        await _quota.RestartAsync();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(10_001, 0)).Code);
    }

    [Fact]
    public async Task A_crash_costs_a_slice_of_the_day_at_most()
    {
        await _quota.SettleAsync(await _quota.HoldAsync(50_000, 0), 50_000, 0, 0);
        _quota.Crash();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(50_001, 0)).Code);
        await _quota.HoldAsync(49_500, 0);
    }

    [Fact]
    public async Task The_next_day_begins_afresh()
    {
        await _quota.HoldAsync(100_000, 0);
        _quota.Crash();
        _quota.Time.Advance(TimeSpan.FromDays(1));
        await _quota.HoldAsync(100_000, 0);
        _quota.Crash();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Fact]
    public async Task A_clock_that_was_years_ahead_does_not_end_a_tenants_days()
    {
        var today = DateOnly.FromDateTime(_quota.Time.GetUtcNow().UtcDateTime);
        var tenant = _quota.Caller.Tenant;
        await _quota.Spend.RaiseAsync(tenant, new(today.AddYears(10), new(60_000)), CancellationToken.None);
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(40_001, 0)).Code);
        await _quota.HoldAsync(40_000, 0);
        _quota.Time.Advance(TimeSpan.FromDays(1));
        await _quota.HoldAsync(100_000, 0);
        _quota.Crash();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Fact]
    public async Task A_clock_that_was_days_ahead_for_a_while_does_not_end_a_tenants_days()
    {
        await _quota.HoldAsync(60_000, 0);
        _quota.Time.Advance(TimeSpan.FromDays(10));
        await _quota.HoldAsync(70_000, 0);
        _quota.Time.Advance(TimeSpan.FromDays(-10));
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(30_001, 0)).Code);
        await _quota.HoldAsync(29_500, 0);
        _quota.Crash();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(501, 0)).Code);
        _quota.Time.Advance(TimeSpan.FromDays(1));
        await _quota.HoldAsync(100_000, 0);
        _quota.Crash();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Fact]
    public async Task A_hold_gives_nothing_back_to_a_day_that_did_not_charge_it()
    {
        _quota.Time.Advance(TimeSpan.FromDays(10));
        var hold = await _quota.HoldAsync(100_000, 0);
        _quota.Time.Advance(TimeSpan.FromDays(-10));
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
        _quota.Time.Advance(TimeSpan.FromDays(10));
        await _quota.HoldAsync(100_000, 0);
        await _quota.Ledger.ReleaseAsync(hold, CancellationToken.None);
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Fact]
    public async Task A_clock_that_steps_back_over_midnight_reopens_nothing()
    {
        var today = DateOnly.FromDateTime(_quota.Time.GetUtcNow().UtcDateTime);
        await _quota.Spend.RaiseAsync(
            _quota.Caller.Tenant, new(today.AddDays(1), new(100_000)), CancellationToken.None);
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Fact]
    public async Task What_cannot_be_kept_is_not_granted()
    {
        _quota.Spend.Fails = true;
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => _quota.ReserveAsync(10, 0));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        _quota.Spend.Fails = false;
        await _quota.HoldAsync(100_000, 0);
    }

    [Fact]
    public async Task Few_requests_write()
    {
        for (var i = 0; i < 10_000; i++)
            await _quota.SettleAsync(await _quota.HoldAsync(10, 0), 5, 0, 0);
        Assert.InRange(_quota.Spend.Writes, 50, 110);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task However_often_it_dies_a_day_never_costs_more_than_its_limit(int seed)
    {
        var random = new Random(seed);
        var spent = new Dictionary<DateOnly, long>();
        var held = new List<(QuotaHold Hold, DateOnly Day)>();
        for (var step = 0; step < 8_000; step++)
        {
            var day = DateOnly.FromDateTime(_quota.Time.GetUtcNow().UtcDateTime);
            switch (random.Next(12))
            {
                case < 6:
                    var outcome = await _quota.ReserveAsync(random.Next(4_000), random.Next(500));
                    if (outcome is ReserveOutcome.Granted { Hold: var hold })
                        held.Add((hold, day));
                    break;
                case < 10 when held.Count > 0:
                    var (last, of) = held[^1];
                    held.RemoveAt(held.Count - 1);
                    var used = random.NextInt64(last.Reservation.Prompt.Value + 1);
                    var cost = await _quota.SettleAsync(last, used, 0, last.Reservation.Output.Value);
                    spent[of] = spent.GetValueOrDefault(of) + cost.Value;
                    break;
                case 10 when random.Next(4) == 0:
                    // What was under way is lost: its engines may have worked all the same.
                    foreach (var (lost, at) in held)
                        spent[at] = spent.GetValueOrDefault(at) + lost.Cost.Value;
                    held.Clear();
                    if (random.Next(2) == 0)
                        _quota.Crash();
                    else
                        await _quota.RestartAsync();
                    break;
                case 11 when random.Next(20) == 0:
                    _quota.Time.Advance(TimeSpan.FromHours(random.Next(1, 20)));
                    break;
            }
        }

        Assert.InRange(spent.Count, 3, 3_000);
        Assert.All(spent.Values, total => Assert.InRange(total, 0, 100_000));
        Assert.Contains(spent.Values, total => total > 80_000);
    }

    [Fact]
    public async Task A_tenants_first_requests_read_its_day_once()
    {
        var answers = new TaskCompletionSource();
        _quota.Spend.Answers = answers.Task;
        var first = _quota.ReserveAsync(60_000, 0);
        var second = _quota.ReserveAsync(60_000, 0);
        answers.SetResult();

        var outcomes = await Task.WhenAll(first, second);
        Assert.Single(outcomes, o => o is ReserveOutcome.Granted);
        Assert.Equal(1, _quota.Spend.Finds);
    }

    [Fact]
    public async Task Requests_that_begin_together_are_all_kept()
    {
        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 300).Select(_ => Task.Run(() => _quota.ReserveAsync(1_000, 0))));
        Assert.Equal(100, outcomes.Count(o => o is ReserveOutcome.Granted));
        _quota.Crash();
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
    }
}
