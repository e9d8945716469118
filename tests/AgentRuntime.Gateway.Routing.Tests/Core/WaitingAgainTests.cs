using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>Requests that are looked at again while they wait, and stay where they were.</summary>
public class WaitingAgainTests
{
    private readonly CoreFixture _f = new(
        null, new("serving", "m") { MaxRunning = 1 }, new EngineDescription("idle", "m") { ReportsLoad = true });

    private EngineRef Serving => _f.Engines[0];

    private EngineRef Idle => _f.Engines[1];

    [Fact]
    public void What_an_idle_engine_could_not_take_is_refused_once_when_its_own_engine_dies()
    {
        var running = WaitForTheAdapter(waiting: 3);
        OfferToIdle(times: 5);

        _f.Core.SetHealth(Serving, EngineHealth.Down, _f.Now);

        for (var i = 0; i < 3; i++)
            Assert.Equal(ReasonCodes.NoEngine, _f.Take().Reason);
        Assert.True(_f.IsIdle);
        Assert.Equal((1, 0), (_f.Core.UnderWay, _f.Core.Waiting));
        Assert.True(_f.Core.Failed(running.Ticket, RouteFailure.DecodeEngineDied, _f.Now));
    }

    [Fact]
    public void The_same_when_all_engines_die()
    {
        WaitForTheAdapter(waiting: 2);
        _f.Submit(prompt: 10);
        OfferToIdle(times: 5);

        _f.Core.SetHealth(Idle, EngineHealth.Down, _f.Now);
        _f.Core.SetHealth(Serving, EngineHealth.Down, _f.Now);

        var refused = 0;
        while (_f.Core.TryTake(_f.Now, out var taken))
            refused += taken.Kind == RouteKind.Refused ? 1 : 0;
        Assert.Equal((2, 0), (refused, _f.Core.Waiting));
    }

    [Fact]
    public void It_is_listed_once_however_often_it_is_looked_at()
    {
        WaitForTheAdapter(waiting: 3);

        OfferToIdle(times: 1000);

        var lane = Assert.Single(_f.Core.PoolOf(1).Engine(Serving.Index).Queue.Lanes.ToArray());
        List<RequestEntry> listed = [];
        lane.CollectInto(listed);
        Assert.Equal((3, 3), (lane.Count, listed.Count));
        Assert.InRange(lane.HeapCount, 3, 4);
    }

    [Fact]
    public void Requests_that_leave_from_behind_another_leave_nothing_in_its_lane()
    {
        WaitForTheAdapter(waiting: 1);

        for (var i = 0; i < 1000; i++)
            Assert.True(_f.Core.Failed(Ask(), RouteFailure.Cancelled, _f.Now));

        Assert.InRange(
            Assert.Single(_f.Core.PoolOf(1).Engine(Serving.Index).Queue.Lanes.ToArray()).HeapCount, 1, 20);
    }

    [Fact]
    public void One_that_came_back_is_still_first_come_first_served()
    {
        var running = WaitForTheAdapter(waiting: 0);
        var waiting = Enumerable.Range(0, 4).Select(_ => Ask()).ToList();
        OfferToIdle(times: 7);

        List<RouteTicket> order = [];
        for (var i = 0; i < waiting.Count; i++)
        {
            _f.Now += 0.1;
            _f.Finish(running);
            running = _f.Take();
            order.Add(running.Ticket);
        }

        Assert.Equal(waiting, order);
    }

    [Fact]
    public void A_pair_is_not_made_with_an_engine_that_left_at_the_same_moment()
    {
        var f = new CoreFixture(
            new() { Disaggregation = DisaggregationMode.Always },
            new("p", "m") { Roles = EngineRoles.Prefill, MaxRunning = 1 },
            new("d1", "m") { Roles = EngineRoles.Decode },
            new EngineDescription("d2", "m") { Roles = EngineRoles.Decode });
        f.Submit();
        var first = f.Take();
        f.Submit();
        var second = f.Core.PoolOf(1).Engine(0).Queue.Lanes[0].Peek()!.Choice.Decode;
        f.Core.RemoveEngine(f.Engines[second], f.Now);
        f.Core.PrefillDone(first.Ticket, f.Now);

        var taken = f.Take();

        Assert.NotEqual(second, taken.Decode.Index);
    }

    [Fact]
    public void Nothing_is_left_of_work_that_waits_no_longer()
    {
        var f = new CoreFixture(null, new EngineDescription("serving", "m") { MaxRunning = 1 });
        f.Submit();
        f.Take();
        for (var prompt = 100; prompt < 1000; prompt += 100)
        {
            List<RouteTicket> tickets =
            [
                .. Enumerable.Range(1, 3).Select(i => f.Submit(prompt * i, @class: 0)), f.Submit(prompt, @class: 1),
            ];
            foreach (var ticket in tickets)
                f.Core.Failed(ticket, RouteFailure.Cancelled, f.Now);

            Assert.Equal(0, f.Core.PoolOf(1).Row(0).AllWaitingSeconds);
        }
    }

    private Assignment WaitForTheAdapter(int waiting)
    {
        _f.Core.SetServed(Serving, servesBase: true, ["adapter"], _f.Now);
        Ask();
        var running = _f.Take();
        for (var i = 0; i < waiting; i++)
            Ask();
        Assert.True(_f.IsIdle);
        Assert.Equal((Serving, waiting), (running.Decode, _f.Core.Waiting));
        return running;
    }

    private RouteTicket Ask() => _f.Core.Submit(
        new()
        {
            Pool = 1, Tenant = _f.Tenant("a"), PromptTokens = 1600, ExpectedOutputTokens = 100,
            Lora = _f.Core.LoraOf(1, "adapter"),
        },
        _f.Now);

    private void OfferToIdle(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _f.Now += 0.001;
            _f.Core.ReportLoad(Idle, new(0, 0, 0), _f.Now);
            while (_f.Core.TryTake(_f.Now, out var taken))
                Assert.Equal(Idle, taken.Decode);
        }
    }
}
