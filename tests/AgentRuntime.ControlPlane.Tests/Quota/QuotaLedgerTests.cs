using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane.Tests;

public sealed class QuotaLedgerTests
{
    private readonly LedgerFixture _quota = new();

    [Fact]
    public async Task A_hold_counts_at_once_and_settling_gives_the_rest_back()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(1_000) };
        var hold = await _quota.HoldAsync(600, 300);
        Assert.Equal(100, TokensLeft);
        Assert.Equal(ReasonCodes.TokenQuota, (await _quota.RefusalAsync(100, 1)).Code);
        await _quota.SettleAsync(hold, 200, 0, 50);
        Assert.Equal(750, TokensLeft);
    }

    [Fact]
    public async Task Money_is_rounded_up_once_over_the_whole_request()
    {
        var hold = await _quota.HoldAsync(100, 10);
        Assert.Equal(120, hold.Cost.Value);

        // 7 computed at 1, 3 cached at 0.25 and 1 output at 2 micro-dollars: 9.75.
        Assert.Equal(10, (await _quota.SettleAsync(hold, 10, 3, 1)).Value);
    }

    [Fact]
    public async Task Settling_twice_changes_nothing()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(1_000) };
        var hold = await _quota.HoldAsync(500, 0);
        await _quota.SettleAsync(hold, 100, 0, 0);
        await _quota.SettleAsync(hold, 400, 0, 0);
        await _quota.Ledger.ReleaseAsync(hold, CancellationToken.None);
        Assert.Equal(900, TokensLeft);
    }

    [Fact]
    public async Task Equal_holds_are_settled_apart()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(1_000) };
        var (a, b) = (await _quota.HoldAsync(100, 0), await _quota.HoldAsync(100, 0));
        Assert.Equal(a, b);
        await _quota.SettleAsync(a, 10, 0, 0);
        Assert.Equal(890, TokensLeft);
        await _quota.SettleAsync(b, 20, 0, 0);
        Assert.Equal(970, TokensLeft);
    }

    [Fact]
    public async Task A_release_gives_tokens_and_money_back_but_not_the_request()
    {
        _quota.Limits = new QuotaLimits { RequestsPerMinute = 2, TokensPerMinute = new(1_000),
            CostPerDay = new(1_000) };
        await _quota.Ledger.ReleaseAsync(await _quota.HoldAsync(1_000, 0), CancellationToken.None);
        await _quota.Ledger.ReleaseAsync(await _quota.HoldAsync(1_000, 0), CancellationToken.None);
        Assert.Equal(1_000, TokensLeft);
        Assert.Equal(ReasonCodes.RequestQuota, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Fact]
    public async Task Refusals_say_when_to_come_back_and_only_when_waiting_helps()
    {
        _quota.Limits = new QuotaLimits { RequestsPerMinute = 1, TokensPerMinute = new(100), CostPerDay = new(150) };
        _quota.Time.Advance(TimeSpan.FromSeconds(20));
        var tooLarge = await _quota.RefusalAsync(101, 0);
        Assert.Equal((ReasonCodes.TokenQuota, null), (tooLarge.Code, tooLarge.RetryAfter));
        var tooDear = await _quota.RefusalAsync(0, 76);
        Assert.Equal((ReasonCodes.MoneyBudget, null), (tooDear.Code, tooDear.RetryAfter));
        await _quota.HoldAsync(100, 0);
        var tooMany = await _quota.RefusalAsync(1, 0);
        Assert.Equal((ReasonCodes.RequestQuota, TimeSpan.FromSeconds(40)), (tooMany.Code, tooMany.RetryAfter));
        _quota.Time.Advance(TimeSpan.FromSeconds(40));
        var spent = await _quota.RefusalAsync(60, 0);
        Assert.Equal(
            (ReasonCodes.MoneyBudget, TimeSpan.FromHours(12) - TimeSpan.FromMinutes(1)),
            (spent.Code, spent.RetryAfter));
    }

    [Fact]
    public async Task A_new_minute_frees_tokens_but_not_the_days_money()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(100), CostPerDay = new(150) };
        await _quota.SettleAsync(await _quota.HoldAsync(100, 0), 100, 0, 0);
        _quota.Time.Advance(TimeSpan.FromMinutes(1));
        await _quota.SettleAsync(await _quota.HoldAsync(50, 0), 50, 0, 0);
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(1, 0)).Code);
        _quota.Time.Advance(TimeSpan.FromDays(1));
        await _quota.HoldAsync(100, 0);
    }

    [Fact]
    public async Task A_hold_that_outlives_its_minute_takes_nothing_from_the_next()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(100) };
        var hold = await _quota.HoldAsync(100, 0);
        _quota.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(100, TokensLeft);
        await _quota.SettleAsync(hold, 10, 0, 0);
        Assert.Equal(100, TokensLeft);
    }

    [Fact]
    public async Task A_clock_that_steps_back_reopens_no_window()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(100) };
        await _quota.HoldAsync(100, 0);
        _quota.Time.Advance(TimeSpan.FromMinutes(-1));
        Assert.Equal(ReasonCodes.TokenQuota, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Fact]
    public async Task A_clock_that_was_far_ahead_reopens_no_minute_and_stops_none()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(100) };
        await _quota.HoldAsync(1, 0);
        _quota.Time.Advance(TimeSpan.FromHours(3));
        await _quota.HoldAsync(100, 0);
        _quota.Time.Advance(TimeSpan.FromHours(-3));
        Assert.Equal(ReasonCodes.TokenQuota, (await _quota.RefusalAsync(1, 0)).Code);
        _quota.Time.Advance(TimeSpan.FromMinutes(1));
        await _quota.HoldAsync(100, 0);
        Assert.Equal(ReasonCodes.TokenQuota, (await _quota.RefusalAsync(1, 0)).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_hold_gives_nothing_back_to_a_minute_that_did_not_charge_it(bool again)
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(100) };
        var before = await _quota.HoldAsync(100, 0);
        _quota.Time.Advance(TimeSpan.FromMinutes(10));
        var ahead = await _quota.HoldAsync(100, 0);
        _quota.Time.Advance(TimeSpan.FromMinutes(-10));
        Assert.Equal(0, TokensLeft);
        if (again)
        {
            _quota.Time.Advance(TimeSpan.FromMinutes(10));
            await _quota.HoldAsync(100, 0);
        }
        await _quota.Ledger.ReleaseAsync(before, CancellationToken.None);
        Assert.Equal(0, TokensLeft);
        await _quota.Ledger.ReleaseAsync(ahead, CancellationToken.None);
        Assert.Equal(again ? 0 : 100, TokensLeft);
    }

    [Fact]
    public async Task After_a_clock_stepped_back_a_refusal_says_when_the_minute_ends_that_is_used_up()
    {
        _quota.Limits = new QuotaLimits { RequestsPerMinute = 1 };
        await _quota.HoldAsync(1, 0);
        _quota.Time.Advance(TimeSpan.FromSeconds(-20));
        Assert.Equal(TimeSpan.FromSeconds(80), (await _quota.RefusalAsync(1, 0)).RetryAfter);
        _quota.Time.Advance(TimeSpan.FromSeconds(80));
        await _quota.HoldAsync(1, 0);
    }

    [Fact]
    public async Task A_hold_that_is_never_settled_expires_as_fully_used()
    {
        _quota.Limits = new QuotaLimits { CostPerDay = new(1_000) };
        var hold = await _quota.HoldAsync(600, 0);
        _quota.Time.Advance(QuotaLedger.HoldLife);
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(500, 0)).Code);
        Assert.Equal(0, _quota.Ledger.OpenHolds(_quota.Caller.Tenant));
        await _quota.SettleAsync(hold, 1, 0, 0);
        Assert.Equal(ReasonCodes.MoneyBudget, (await _quota.RefusalAsync(500, 0)).Code);
    }

    [Fact]
    public async Task A_model_without_a_price_is_refused() =>
        Assert.Equal(ReasonCodes.UnknownPrice, (await _quota.RefusalAsync(1, 1, model: "other")).Code);

    [Fact]
    public async Task A_tenant_without_limits_may_use_nothing()
    {
        _quota.Limits = null;
        Assert.Equal(ReasonCodes.NoPolicy, (await _quota.RefusalAsync(1, 1)).Code);
        Assert.Equal(ReasonCodes.NoPolicy, _quota.Ledger.TryOpenRun(_quota.NewRun(), new RunBudget())!.Code);
        Assert.Equal(0, _quota.Ledger.Status(_quota.Caller.Tenant).RequestsLeft);
    }

    [Fact]
    public async Task A_runs_budget_holds_across_minutes_for_tokens_and_for_money()
    {
        var run = _quota.NewRun();
        Assert.Null(_quota.Ledger.TryOpenRun(run, new RunBudget { MaxTokens = new(100), MaxCost = new(150) }));
        await _quota.SettleAsync(await _quota.HoldAsync(90, 0, run), 90, 0, 0);
        _quota.Time.Advance(TimeSpan.FromMinutes(2));
        var tokens = await _quota.RefusalAsync(11, 0, run);
        Assert.Equal((ReasonCodes.RunBudget, "tokens"), (tokens.Code, tokens.Where));
        await _quota.SettleAsync(await _quota.HoldAsync(0, 10, run), 0, 0, 10);
        Assert.Equal(ReasonCodes.RunBudget, (await _quota.RefusalAsync(1, 0, run)).Code);
    }

    [Fact]
    public async Task A_refusal_by_the_run_takes_nothing_from_the_tenant()
    {
        var run = _quota.NewRun();
        _quota.Limits = new QuotaLimits { RequestsPerMinute = 5, TokensPerMinute = new(1_000) };
        _quota.Ledger.TryOpenRun(run, new RunBudget { MaxTokens = new(10) });
        await _quota.RefusalAsync(11, 0, run);
        var status = _quota.Ledger.Status(run.Tenant);
        Assert.Equal((5, 1_000L), (status.RequestsLeft, status.TokensLeft.Value));
    }

    [Fact]
    public async Task A_run_that_is_not_open_has_no_budget()
    {
        var run = _quota.NewRun();
        Assert.Equal(ReasonCodes.RunBudget, (await _quota.RefusalAsync(1, 0, run)).Code);
        _quota.Ledger.TryOpenRun(run, new RunBudget());
        var hold = await _quota.HoldAsync(1, 0, run);
        _quota.Ledger.CloseRun(run.Run!.Value);
        Assert.Equal(ReasonCodes.RunBudget, (await _quota.RefusalAsync(1, 0, run)).Code);
        Assert.Equal(1, (await _quota.SettleAsync(hold, 1, 0, 0)).Value);
    }

    [Fact]
    public void As_many_runs_as_the_quota_says_are_under_way_at_once()
    {
        _quota.Limits = new QuotaLimits { ConcurrentRuns = 2 };
        var (a, b, c) = (_quota.NewRun(), _quota.NewRun(), _quota.NewRun());
        Assert.Null(_quota.Ledger.TryOpenRun(a, new RunBudget()));
        Assert.Null(_quota.Ledger.TryOpenRun(b, new RunBudget()));
        Assert.Equal(ReasonCodes.ConcurrencyQuota, _quota.Ledger.TryOpenRun(c, new RunBudget())!.Code);
        _quota.Ledger.CloseRun(a.Run!.Value);
        _quota.Ledger.CloseRun(a.Run!.Value);
        Assert.Null(_quota.Ledger.TryOpenRun(c, new RunBudget()));
    }

    [Fact]
    public void Runs_that_were_admitted_before_count_and_are_not_refused()
    {
        _quota.Limits = new QuotaLimits { ConcurrentRuns = 2 };
        for (var i = 0; i < 3; i++)
            Assert.Null(_quota.Ledger.TryReopenRun(_quota.NewRun(), new RunBudget()));
        Assert.Equal(ReasonCodes.ConcurrencyQuota, _quota.Ledger.TryOpenRun(_quota.NewRun(), new RunBudget())!.Code);
        _quota.Limits = null;
        Assert.Equal(ReasonCodes.NoPolicy, _quota.Ledger.TryReopenRun(_quota.NewRun(), new RunBudget())!.Code);
    }

    [Fact]
    public async Task A_run_whose_budget_is_not_known_yet_has_its_place_and_nothing_else()
    {
        _quota.Limits = new QuotaLimits { ConcurrentRuns = 1 };
        var left = _quota.NewRun();
        _quota.Ledger.KeepPlace(left);
        Assert.Equal(ReasonCodes.ConcurrencyQuota, _quota.Ledger.TryOpenRun(_quota.NewRun(), new RunBudget())!.Code);
        Assert.Equal(ReasonCodes.RunBudget, (await _quota.RefusalAsync(1, 1, left)).Code);

        Assert.Null(_quota.Ledger.TryReopenRun(left, new RunBudget()));
        _quota.Ledger.KeepPlace(left);
        Assert.IsType<ReserveOutcome.Granted>(await _quota.ReserveAsync(1, 1, left));
        _quota.Ledger.CloseRun(left.Run!.Value);
        Assert.Null(_quota.Ledger.TryOpenRun(_quota.NewRun(), new RunBudget()));
    }

    private long TokensLeft => _quota.Ledger.Status(_quota.Caller.Tenant).TokensLeft.Value;
}
