using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing.Tests;

public class RoutingCoreTests
{
    [Fact]
    public void A_request_goes_to_an_engine_at_once_when_there_is_room()
    {
        var f = new CoreFixture();

        var ticket = f.Submit();
        var taken = f.Take();

        Assert.Equal(ticket, taken.Ticket);
        Assert.Equal(RouteKind.Colocated, taken.Kind);
        Assert.True(taken.Explanation.PrefillSeconds > 0);
        Assert.True(f.IsIdle);
    }

    [Fact]
    public void The_same_prompt_goes_to_the_engine_that_just_got_it()
    {
        var f = new CoreFixture(null, CoreFixture.Named(8));
        var blocks = CoreFixture.Blocks(0, 100);
        f.Submit(blocks: blocks);
        var first = f.Take();
        f.Now = 1;
        f.Finish(first);

        f.Submit(blocks: blocks);
        var second = f.Take();

        Assert.Equal(first.Prefill, second.Prefill);
        Assert.Equal(1599, second.Explanation.CachedTokens);
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData(12.5, 12.5)]
    [InlineData(300.0, 300)]
    [InlineData(301.0, 0)]
    public void What_a_conversation_will_ask_again_for_is_kept_so_long_unless_that_is_too_long(
        double? nextCall, double kept)
    {
        var f = new CoreFixture();
        f.Core.Submit(
            new() { Pool = 1, Tenant = f.Tenant("a"), PromptTokens = 100, NextCallExpectedIn = nextCall }, f.Now);

        Assert.Equal(kept, f.Take().RetainKvSeconds);
    }

    [Fact]
    public void A_pool_of_two_nodes_can_be_made_to_split_every_request()
    {
        var f = new CoreFixture(new() { Disaggregation = DisaggregationMode.Always });

        f.Submit(prompt: 20);
        var taken = f.Take();

        Assert.Equal(RouteKind.Disaggregated, taken.Kind);
        Assert.NotEqual(taken.Prefill, taken.Decode);
    }

    [Fact]
    public void Engines_with_one_role_each_make_a_pair()
    {
        var f = new CoreFixture(
            null,
            new("p", "m") { Roles = EngineRoles.Prefill },
            new EngineDescription("d", "m") { Roles = EngineRoles.Decode });

        f.Submit();
        var taken = f.Take();

        Assert.Equal((f.Engines[0], f.Engines[1]), (taken.Prefill, taken.Decode));
        Assert.True(f.Core.PrefillDone(taken.Ticket, 1));
        Assert.True(f.Core.FirstToken(taken.Ticket, 1.1));
        Assert.True(f.Core.Completed(taken.Ticket, 1600, 0, 10, 2));
    }

    [Fact]
    public void A_pool_that_may_not_split_refuses_when_no_engine_does_both()
    {
        var f = new CoreFixture(
            new() { Disaggregation = DisaggregationMode.Never },
            new("p", "m") { Roles = EngineRoles.Prefill },
            new EngineDescription("d", "m") { Roles = EngineRoles.Decode });

        f.Submit();

        Assert.Equal(ReasonCodes.NoEngine, f.Take().Reason);
    }

    [Fact]
    public void What_an_engine_cannot_take_yet_waits_in_the_router_until_the_engine_is_nearly_free()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        for (var i = 0; i < 5; i++)
            f.Submit(prompt: 16_000);

        var first = f.Take();
        Assert.True(f.IsIdle);
        Assert.Equal(4, f.Core.Waiting);

        f.Now = 1.9;
        f.Core.Advance(f.Now);
        f.Take();
        Assert.True(f.IsIdle);

        f.Now = 2;
        f.Core.FirstToken(first.Ticket, f.Now);
        Assert.True(f.IsIdle);
        Assert.Equal(3, f.Core.Waiting);
    }

    [Fact]
    public void An_engine_that_dies_is_forgotten_and_its_requests_continue_elsewhere()
    {
        var f = new CoreFixture();
        var blocks = CoreFixture.Blocks(0, 100);
        f.Submit(blocks: blocks);
        var first = f.Take();
        f.Core.FirstToken(first.Ticket, 1);

        f.Core.SetHealth(first.Decode, EngineHealth.Down, 1);
        Assert.True(f.Core.Requeue(first.Ticket, RouteFailure.DecodeEngineDied, outputTokens: 7, 1));
        var second = f.Take();

        Assert.Equal(first.Ticket, second.Ticket);
        Assert.NotEqual(first.Decode, second.Decode);
        Assert.Equal(0, f.Core.IndexOf(1).HeldBy(first.Decode.Index));
    }

    [Fact]
    public void Without_any_engine_a_request_is_refused_with_its_code()
    {
        var f = new CoreFixture();
        foreach (var engine in f.Engines)
            f.Core.SetHealth(engine, EngineHealth.Down, 0);

        f.Submit();
        var taken = f.Take();

        Assert.Equal(RouteKind.Refused, taken.Kind);
        Assert.Equal(ReasonCodes.NoEngine, taken.Reason);
        Assert.Equal(0, f.Core.UnderWay);
    }

    [Fact]
    public void A_late_load_report_counts_as_saturation_and_requests_wait_for_the_next()
    {
        var f = new CoreFixture(null, new EngineDescription("e", "m") { ReportsLoad = true });
        f.Core.ReportLoad(f.Engines[0], new(0, 0, 0), 0);
        f.Now = 10;
        f.Core.Advance(f.Now);

        f.Submit();
        Assert.True(f.IsIdle);

        f.Core.ReportLoad(f.Engines[0], new(0, 0, 0), f.Now);
        Assert.Equal(RouteKind.Colocated, f.Take().Kind);
    }

    [Fact]
    public void A_request_that_waited_its_longest_is_refused_once()
    {
        var f = new CoreFixture(null, new EngineDescription("e", "m") { MaxRunning = 1 });
        f.Submit();
        f.Take();
        var late = f.Submit();
        Assert.True(f.IsIdle);

        f.Now = 31;
        f.Core.Advance(f.Now);
        var refused = f.Take();

        Assert.Equal((late, ReasonCodes.Saturated), (refused.Ticket, refused.Reason));
        Assert.False(f.Core.Failed(late, RouteFailure.Cancelled, f.Now));
        Assert.True(f.IsIdle);
    }

    [Fact]
    public void A_ticket_ends_once()
    {
        var f = new CoreFixture();
        var ticket = f.Submit();
        f.Take();

        Assert.True(f.Core.Completed(ticket, 1600, 0, 5, 1));
        Assert.False(f.Core.Completed(ticket, 1600, 0, 5, 1));
        Assert.False(f.Core.FirstToken(ticket, 1));
        Assert.False(f.Core.Requeue(ticket, RouteFailure.DecodeEngineDied, 0, 1));
    }
}
