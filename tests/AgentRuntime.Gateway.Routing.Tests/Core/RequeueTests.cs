using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>Requests that an engine failed, and those that lose the engine that they wait for.</summary>
public class RequeueTests
{
    private static readonly EngineDescription Prefill = new("p", "m") { Roles = EngineRoles.Prefill };

    private static readonly EngineDescription Decode = new("d", "m") { Roles = EngineRoles.Decode };

    [Fact]
    public void The_only_engine_is_given_again_what_it_failed()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        f.Submit();
        var failed = f.Take();

        Assert.True(f.Core.Requeue(failed.Ticket, RouteFailure.EngineError, 0, f.Now));

        Assert.Equal((failed.Ticket, f.Engines[0]), Placed(f.Take()));
    }

    [Theory]
    [InlineData(RouteFailure.EngineError)]
    [InlineData(RouteFailure.PrefillEngineDied)]
    public void So_is_the_only_pair(RouteFailure failure)
    {
        var f = new CoreFixture(null, Prefill, Decode);
        f.Submit();
        var failed = f.Take();

        Assert.True(f.Core.Requeue(failed.Ticket, failure, 0, f.Now));

        var again = f.Take();
        Assert.Equal((f.Engines[0], f.Engines[1]), (again.Prefill, again.Decode));
    }

    [Fact]
    public void What_a_prefill_engine_failed_is_read_by_another_and_may_be_written_where_it_was()
    {
        var f = new CoreFixture(null, Prefill, Prefill with { Name = "p2" }, Decode);
        f.Submit();
        var failed = f.Take();

        Assert.True(f.Core.Requeue(failed.Ticket, RouteFailure.PrefillEngineDied, 0, f.Now));

        var again = f.Take();
        Assert.NotEqual(failed.Prefill, again.Prefill);
        Assert.Equal(failed.Decode, again.Decode);
    }

    [Fact]
    public void The_only_engine_ends_what_it_failed_when_it_is_down()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        f.Submit();
        var failed = f.Take();
        f.Core.SetHealth(failed.Decode, EngineHealth.Down, f.Now);

        Assert.True(f.Core.Requeue(failed.Ticket, RouteFailure.DecodeEngineDied, 0, f.Now));

        Assert.Equal(ReasonCodes.NoEngine, f.Take().Reason);
        Assert.Equal(0, f.Core.UnderWay);
    }

    [Theory]
    [InlineData(EngineHealth.Draining)]
    [InlineData(EngineHealth.Down)]
    public void What_waits_for_another_engine_goes_back_when_that_one_closes(EngineHealth health)
    {
        var f = new CoreFixture(null, [.. CoreFixture.Named(2).Select(e => e with { MaxRunning = 1 })]);
        f.Submit();
        var failed = f.Take();
        f.Submit();
        var other = f.Take().Decode;
        Assert.True(f.Core.Requeue(failed.Ticket, RouteFailure.EngineError, 0, f.Now));
        Assert.True(f.IsIdle);

        f.Core.SetHealth(other, health, f.Now);

        Assert.Equal((failed.Ticket, failed.Decode), Placed(f.Take()));
    }

    [Fact]
    public void The_same_when_that_one_leaves()
    {
        var f = new CoreFixture(null, [.. CoreFixture.Named(2).Select(e => e with { MaxRunning = 1 })]);
        f.Submit();
        var failed = f.Take();
        f.Submit();
        var other = f.Take().Decode;
        f.Core.Requeue(failed.Ticket, RouteFailure.EngineError, 0, f.Now);

        f.Core.RemoveEngine(other, f.Now);

        Assert.Equal((failed.Ticket, failed.Decode), Placed(f.Take()));
    }

    [Theory]
    [InlineData(EngineHealth.Draining)]
    [InlineData(EngineHealth.Down)]
    public void What_waits_to_be_read_ends_when_nobody_is_left_to_write_the_answer(EngineHealth health)
    {
        var f = new CoreFixture(null, Prefill with { MaxRunning = 1 }, Decode);
        f.Submit();
        f.Take();
        var waiting = f.Submit();
        Assert.True(f.IsIdle);

        f.Core.SetHealth(f.Engines[1], health, f.Now);

        var refused = f.Take();
        Assert.Equal((waiting, ReasonCodes.NoEngine), (refused.Ticket, refused.Reason));
    }

    [Fact]
    public void What_waits_for_news_of_an_engine_ends_when_that_one_is_down()
    {
        var f = new CoreFixture(null, new EngineDescription("e", "m") { ReportsLoad = true });
        f.Now = 10;
        f.Core.Advance(f.Now);
        var waiting = f.Submit();
        Assert.True(f.IsIdle);

        f.Core.SetHealth(f.Engines[0], EngineHealth.Down, f.Now);

        var refused = f.Take();
        Assert.Equal((waiting, ReasonCodes.NoEngine), (refused.Ticket, refused.Reason));
    }

    [Fact]
    public void An_engine_that_the_caller_avoids_is_not_given_a_request_that_no_other_can_serve()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        var request = new RouteRequest
        {
            Pool = 1, Tenant = f.Tenant("a"), PromptTokens = 100, Avoid = f.Engines[0],
        };

        Assert.Equal(RouteKind.Refused, f.Core.Decide(request, f.Now).Kind);
        f.Core.Submit(request, f.Now);

        Assert.Equal(ReasonCodes.NoEngine, f.Take().Reason);
    }

    private static (RouteTicket Ticket, EngineRef Decode) Placed(Assignment taken) => (taken.Ticket, taken.Decode);
}
