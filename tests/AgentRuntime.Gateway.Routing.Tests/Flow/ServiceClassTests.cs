using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing.Tests;

public class ServiceClassTests
{
    private static readonly EngineDescription[] OneAtATime = [new("e", "m") { MaxRunning = 1 }];

    [Fact]
    public void The_first_class_goes_first_and_within_a_tenant_what_is_due_first()
    {
        var f = new CoreFixture(null, OneAtATime);
        f.Submit();
        var running = f.Take();
        var batch = f.Submit(@class: 2);
        var standard = f.Submit(@class: 1);
        var interactive = f.Submit(@class: 0);
        List<RouteTicket> order = [];
        for (var i = 0; i < 3; i++)
        {
            f.Now += 0.5;
            f.Finish(running);
            running = f.Take();
            order.Add(running.Ticket);
        }

        Assert.Equal([interactive, standard, batch], order);
    }

    [Fact]
    public void A_request_of_a_late_class_is_promoted_before_it_starves()
    {
        var f = new CoreFixture(
            new()
            {
                Classes = [new("first", 0) { MaxWaitSeconds = 1000 },
                    new("last", 2) { MaxWaitSeconds = 1000, PromoteAfterSeconds = 20 }],
                LocalityDeficitTokens = 0,
            },
            OneAtATime);
        f.Submit(tenant: "a");
        var running = f.Take();
        var patient = f.Submit(tenant: "b", @class: 1);
        var served = 0;
        do
        {
            f.Submit(tenant: "a");
            f.Now += 1;
            f.Finish(running);
            running = f.Take();
            served++;
            Assert.True(served < 30, "starved");
        }
        while (running.Ticket != patient);

        Assert.InRange(served, 19, 23);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(60, 0)]
    [InlineData(90, 0.5)]
    [InlineData(120, 1)]
    [InlineData(double.PositiveInfinity, 1)]
    public void Shedding_rises_with_the_wait_and_only_where_it_is_allowed(double wait, double expected)
    {
        Assert.Equal(expected, Shedding.Probability(SloClass.Batch, wait), 6);
        Assert.Equal(0, Shedding.Probability(SloClass.Interactive, wait));
    }

    [Fact]
    public void What_may_be_shed_is_refused_while_every_signal_is_stale_and_the_rest_waits()
    {
        var f = new CoreFixture(null, new EngineDescription("e", "m") { ReportsLoad = true });
        f.Now = 100;
        f.Core.Advance(f.Now);

        f.Submit(@class: 2);
        Assert.Equal(ReasonCodes.Saturated, f.Take().Reason);
        f.Submit(@class: 0);
        Assert.True(f.IsIdle);
        Assert.Equal(1, f.Core.Waiting);
    }

    [Fact]
    public void A_deadline_ends_the_wait_before_the_class_does()
    {
        var f = new CoreFixture(null, OneAtATime);
        f.Submit();
        f.Take();
        var ticket = f.Core.Submit(
            new() { Pool = 1, Tenant = f.Tenant("a"), PromptTokens = 10, Deadline = 5 }, f.Now);

        f.Now = 5.1;
        f.Core.Advance(f.Now);

        var refused = f.Take();
        Assert.Equal((ticket, RouteKind.Refused), (refused.Ticket, refused.Kind));
    }

    [Fact]
    public void A_deadline_holds_for_a_request_that_is_sent_back_too()
    {
        var f = new CoreFixture(null, [OneAtATime[0], OneAtATime[0] with { Name = "f" }]);
        var ticket = f.Core.Submit(
            new() { Pool = 1, Tenant = f.Tenant("a"), PromptTokens = 10, Deadline = 5 }, f.Now);
        f.Take();
        f.Submit();
        f.Take();
        f.Now = 4;
        Assert.True(f.Core.Requeue(ticket, RouteFailure.EngineError, 0, f.Now));
        Assert.True(f.IsIdle);

        f.Now = 5.1;
        f.Core.Advance(f.Now);

        Assert.Equal((ticket, RouteKind.Refused), (f.Take() is var refused ? refused.Ticket : default, refused.Kind));
    }

    [Fact]
    public void A_tenants_own_terms_of_a_class_bound_its_wait_and_count_for_its_account()
    {
        var f = new CoreFixture(null, OneAtATime);
        var strict = new SloClass("chat", 0) { TtftSeconds = 0.5, TpotSeconds = 10, MaxWaitSeconds = 1 };
        f.Submit(tenant: "b");
        var running = f.Take();
        var ticket = f.Core.Submit(Request(f, strict), f.Now);
        f.Now = 1.1;
        f.Core.Advance(f.Now);

        var refused = f.Take();
        f.Finish(running);
        f.Core.Submit(Request(f, strict), f.Now);
        running = f.Take();
        f.Now += 0.6;
        f.Finish(running, 10, 0, 2);

        Assert.Equal((ticket, RouteKind.Refused, 0.5), (refused.Ticket, refused.Kind, refused.RetryAfterSeconds));
        Assert.Equal(0, f.Core.ReportSlo(1, f.Tenant("a"), "chat", f.Now).TtftAttainment);
        Assert.Equal(1, f.Core.ReportSlo(1, f.Tenant("b"), "interactive", f.Now).TtftAttainment);
    }

    [Fact]
    public void A_tenants_own_terms_may_let_its_requests_be_shed()
    {
        var f = new CoreFixture(null, new EngineDescription("e", "m") { ReportsLoad = true });
        f.Now = 100;
        f.Core.Advance(f.Now);

        f.Core.Submit(Request(f, new("cheap", 0) { Sheddable = true }), f.Now);

        Assert.Equal(ReasonCodes.Saturated, f.Take().Reason);
    }

    private static RouteRequest Request(CoreFixture f, SloClass service) =>
        new() { Pool = 1, Tenant = f.Tenant("a"), PromptTokens = 10, ExpectedOutputTokens = 1, Service = service };

    [Fact]
    public void A_request_without_a_tenant_is_refused()
    {
        var f = new CoreFixture();

        Assert.Throws<ArgumentException>(
            () => f.Core.Submit(new() { Pool = 1, Tenant = default, PromptTokens = 1 }, 0));
    }
}
