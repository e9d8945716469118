namespace AgentRuntime.Gateway.Routing.Tests;

public class AccountingTests
{
    [Fact]
    public void Attainment_and_error_budget_count_what_met_its_class()
    {
        var f = new CoreFixture(new()
        {
            Classes = [new("c", 0) { TtftSeconds = 2, TpotSeconds = 0.1, Objective = 0.9 }],
            MaxWaitingPerTenant = 100,
        });
        for (var i = 0; i < 100; i++)
        {
            f.Submit();
            var taken = f.Take();
            f.Now += i < 5 ? 3 : 1;
            f.Core.FirstToken(taken.Ticket, f.Now);
            f.Now += 99 * (i is >= 5 and < 8 ? 0.2 : 0.01);
            f.Core.Completed(taken.Ticket, 1600, 0, 100, f.Now);
        }

        var report = f.Core.ReportSlo(1, f.Tenant("a"), "c", f.Now);

        Assert.Equal(100, report.Requests);
        Assert.Equal(0.95, report.TtftAttainment, 6);
        Assert.Equal(0.97, report.TpotAttainment, 6);
        Assert.Equal(0.92, report.Attainment, 6);
        Assert.Equal(0.2, report.ErrorBudgetLeft, 6);
        Assert.Equal(0, f.Core.ReportSlo(1, f.Tenant("a"), "c", f.Now + 4000).Requests);
    }

    [Fact]
    public void A_pool_with_a_backlog_asks_for_engines_and_an_idle_one_gives_them_back()
    {
        var f = new CoreFixture(new() { MaxWaiting = 1000, MaxWaitingPerTenant = 1000 }, CoreFixture.Named(2));
        for (var i = 0; i < 40; i++)
            f.Submit(prompt: 8000);
        while (!f.IsIdle)
        {
        }

        var busy = f.Core.AdviseScaling(1, f.Now);
        Assert.Equal((2, ScalingReason.Backlog), (busy.PrefillEngines, busy.PrefillReason));
        Assert.Equal(4, busy.DesiredPrefillEngines);

        var idle = new CoreFixture(null, CoreFixture.Named(3)).Core.AdviseScaling(1, 100);
        Assert.Equal((2, ScalingReason.Idle), (idle.DesiredPrefillEngines, idle.PrefillReason));
        Assert.Equal(2, idle.DesiredDecodeEngines);
    }

    [Fact]
    public void A_pool_that_can_send_nothing_anywhere_keeps_its_engines()
    {
        var f = new CoreFixture(
            null, [.. CoreFixture.Named(3).Select(e => e with { ReportsLoad = true, KvCapacityTokens = 10_000 })]);
        f.Now = 100;
        var silent = f.Core.AdviseScaling(1, f.Now);
        f.Submit();
        Assert.True(f.IsIdle);

        var blocked = f.Core.AdviseScaling(1, f.Now);

        Assert.Equal(
            (3, 3, ScalingReason.Enough, 3, ScalingReason.Enough),
            (silent.PrefillEngines, silent.DesiredPrefillEngines, silent.PrefillReason,
                silent.DesiredDecodeEngines, silent.DecodeReason));
        Assert.Equal(
            (3, 3, ScalingReason.Backlog, 3, ScalingReason.Backlog),
            (blocked.PrefillEngines, blocked.DesiredPrefillEngines, blocked.PrefillReason,
                blocked.DesiredDecodeEngines, blocked.DecodeReason));
    }

    [Fact]
    public void A_model_that_is_no_longer_served_asks_for_an_engine_only_while_it_is_asked_for()
    {
        var f = new CoreFixture();
        Assert.Single(f.Core.AdviseScaling(f.Now));
        foreach (var engine in f.Engines)
            f.Core.RemoveEngine(engine, f.Now);
        Assert.Empty(f.Core.AdviseScaling(f.Now));

        f.Submit();
        Assert.Equal(RouteKind.Refused, f.Take().Kind);

        Assert.Equal(ScalingReason.NoEngine, Assert.Single(f.Core.AdviseScaling(f.Now + 299)).Advice.PrefillReason);
        Assert.Empty(f.Core.AdviseScaling(f.Now + 301));
    }

    [Fact]
    public void A_pool_without_engines_asks_for_one()
    {
        var f = new CoreFixture();
        foreach (var engine in f.Engines)
            f.Core.SetHealth(engine, EngineHealth.Down, 0);

        var advice = f.Core.AdviseScaling(1, 0);

        Assert.Equal(
            (0, 1, ScalingReason.NoEngine),
            (advice.PrefillEngines, advice.DesiredPrefillEngines, advice.PrefillReason));
    }
}
