using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>
/// The whole router against engines that die, slow down and come back, with lost events, clients that leave, load
/// reports that stop and a clock that jumps: everything from one seed. Where it is harsh, all engines may be down at
/// once, some are removed while others write what they have read and new ones get their places, prefills of pairs fail,
/// engines fail single requests and live on, not all engines can make pairs, and one tenant's adapter is served by two
/// engines only. Where roles are split, every other engine only reads prompts, and the rest only write answers.
/// </summary>
internal sealed class FaultySimulation
{
    public const double MaxWait = 4;
    private const double Step = 0.02;
    private const int BlockTokens = 64;
    private const string Adapter = "adapter";
    private readonly Random _random;
    private readonly SimulationOptions _pool = new() { BlockTokens = BlockTokens, KvTokens = 64_000 };
    private readonly List<FaultyEngine> _engines = [];
    private readonly Dictionary<int, FaultyEngine> _byPlace = [];
    private readonly List<RequestEntry> _waiting = [];
    private readonly bool _harsh;
    private readonly DisaggregationMode _mode;
    private readonly Dictionary<int, Flight> _flights = [];
    private double _now;
    private double _jump;
    private double _monotonic;

    public FaultySimulation(
        int seed, DisaggregationMode mode, int engines, bool harsh = false, bool splitRoles = false)
    {
        _harsh = harsh;
        _mode = mode;
        _random = new(seed);
        Core = new(
            new()
            {
                Classes = [Class("first", 0), Class("second", 1) with { Sheddable = true }],
                BlockTokens = BlockTokens, Disaggregation = mode, MaxWaiting = 60, MaxWaitingPerTenant = 30,
            },
            seed: (ulong)seed);
        for (var engine = 0; engine < engines; engine++)
            Add(
                servesAdapter: engine < 2,
                !splitRoles ? EngineRoles.Both : engine % 2 == 0 ? EngineRoles.Prefill : EngineRoles.Decode);
    }

    public RoutingCore Core { get; }

    public int Ended { get; private set; }

    public int Submitted { get; private set; }

    public int Moved { get; private set; }

    public int Skipped { get; private set; }

    public int Removed { get; private set; }

    public int Failed { get; private set; }

    public int Refused { get; private set; }

    public double ExpectedCharge { get; private set; }

    public double LongestWait { get; private set; }

    public void Play(double seconds)
    {
        var trace = SyntheticTrace.Merge(
            [.. Enumerable.Range(0, 3).Select(t => new SyntheticTrace
            {
                Tenant = t, Class = t % 2, RequestsPerSecond = 4 * (t + 1), Seconds = seconds,
                BlockTokens = BlockTokens, OutputTokens = 40,
            }.Make(_random.Next()))]);
        var next = 0;
        while (next < trace.Count || _flights.Count > 0)
        {
            _now += Step;
            if (_now > seconds + 200)
                throw new InvalidOperationException($"{_flights.Count} requests never ended");
            while (next < trace.Count && trace[next].ArrivalSeconds <= _now)
                Submit(trace[next++]);
            foreach (var engine in _engines)
                Work(engine);
            if (_now < seconds)
                Misfortune();
            Report(all: _now >= seconds);
            Core.Advance(Clock);
            Pump();
            CheckQueues();
        }
    }

    private static SloClass Class(string name, int priority) =>
        new(name, priority) { TtftSeconds = 2, MaxWaitSeconds = MaxWait, PromoteAfterSeconds = 2 };

    private double Clock => _now + _jump;

    /// <summary>The clock as the core takes it: never backwards. Waits are bounded in its time.</summary>
    private double Monotonic => _monotonic = Math.Max(_monotonic, Clock);

    private void Submit(TraceRequest trace)
    {
        var flight = new Flight
        {
            Request = new(++Submitted, trace, _now), Since = Monotonic, NeedsAdapter = _harsh && trace.Tenant == 1,
        };
        flight.Request.Ticket = Core.Submit(
            new()
            {
                Pool = 1, Tenant = CoreRouter.TenantOf(trace.Tenant), Class = trace.Class,
                PromptTokens = trace.PromptTokens, ExpectedOutputTokens = trace.OutputTokens, Blocks = trace.Blocks,
                Lora = flight.NeedsAdapter ? Core.LoraOf(1, Adapter) : 0, State = flight,
            },
            Clock);
        _flights.Add(flight.Request.Id, flight);
        Pump();
    }

    private void Pump()
    {
        while (Core.TryTake(Clock, out var taken))
        {
            var flight = (Flight)taken.State!;
            Assert.True(_flights.ContainsKey(flight.Request.Id), "an assignment for a request that has ended");
            Assert.False(flight.Placed, "two assignments at once");
            LongestWait = Math.Max(LongestWait, Monotonic - flight.Since);
            if (taken.Kind == RouteKind.Refused)
            {
                Refused++;
                End(flight, flight.Unfinished);
                continue;
            }

            FaultyEngine prefill = _byPlace[taken.Prefill.Index], decode = _byPlace[taken.Decode.Index];
            CheckPlace(taken, flight, prefill, decode);
            flight.Placed = true;
            (flight.Request.Prefill, flight.Request.Decode) = (prefill.Model.Number, decode.Model.Number);
            flight.Sent(taken.Explanation.CachedTokens);
            prefill.Model.Prefill(flight.Request, _now);
        }
    }

    private static void CheckPlace(Assignment taken, Flight flight, FaultyEngine prefill, FaultyEngine decode)
    {
        Assert.False(prefill.Down || decode.Down, "sent to an engine that is down");
        Assert.False(prefill.Removed || decode.Removed, "sent to an engine that was removed");
        Assert.True(
            !flight.NeedsAdapter || (prefill.ServesAdapter && decode.ServesAdapter), "sent where its adapter is not");
        Assert.Equal(prefill != decode, taken.Kind == RouteKind.Disaggregated);
        Assert.True(
            prefill == decode || (prefill.TransferGroup > 0 && prefill.TransferGroup == decode.TransferGroup),
            "a pair that cannot move KV state");
        Assert.True(prefill == decode || !flight.Skipped, "split again after that had failed");
        Assert.True(prefill == decode || prefill.Roles.HasFlag(EngineRoles.Prefill), "read where nothing is read");
        Assert.True(decode.Roles.HasFlag(EngineRoles.Decode), "written where nothing is written");
    }

    private void Work(FaultyEngine host)
    {
        var engine = host.Model;
        while (engine.NextAt <= _now)
        {
            if (engine.EndDecode(_now) is { } complete && _flights.TryGetValue(complete.Id, out var flight))
            {
                var output = complete.Trace.OutputTokens;
                Assert.True(Core.Completed(complete.Ticket, flight.Prompt, complete.CachedTokens, output, Clock));
                Assert.False(Core.Completed(complete.Ticket, flight.Prompt, complete.CachedTokens, output, Clock));
                End(flight, flight.Prompt - complete.CachedTokens + (2.0 * output));
            }

            if (engine.EndPrefill(_now) is not { } read)
                continue;
            if (_harsh && read.Prefill != read.Decode && _random.Next(10) == 0)
            {
                SkipPrefill(read);
                engine.Start(_now);
                continue;
            }

            engine.Cache.Use(read.Trace.Blocks, key => Event(host, key, true), key => Event(host, key, false));
            if (_flights.TryGetValue(read.Id, out var begun))
            {
                Core.PrefillDone(read.Ticket, Clock);
                Core.FirstToken(read.Ticket, Clock);
                _engines[read.Decode].Model.Decode(read, _now);
                begun.Begun = true;
            }

            engine.Start(_now);
        }
    }

    /// <summary>The prefill leg of a pair has failed: the other engine reads the prompt.</summary>
    private void SkipPrefill(SimulatedRequest request)
    {
        if (!_flights.TryGetValue(request.Id, out var flight))
            return;
        var decode = _engines[request.Decode];
        var matches = new PrefixMatches();
        Core.IndexOf(1).Match(request.Trace.Blocks, matches);
        var held = Math.Min(matches[decode.Ref.Index] * BlockTokens, flight.Prompt - 1);
        flight.Sent((int)(held * Core.PoolOf(1).Row(decode.Ref.Index).CacheTrust));
        flight.Skipped = true;
        Assert.True(Core.PrefillSkipped(request.Ticket, Clock));
        Assert.False(Core.PrefillSkipped(request.Ticket, Clock));
        request.Prefill = request.Decode;
        decode.Model.Prefill(request, _now);
        Skipped++;
    }

    private void Event(FaultyEngine engine, BlockKey key, bool stored)
    {
        // One event in fifty is lost, and nobody notices. Those of a removed engine are not heard.
        if (_random.Next(50) == 0 || engine.Removed)
            return;
        if (stored)
            Core.IndexOf(1).Store(engine.Ref.Index, key);
        else
            Core.IndexOf(1).Evict(engine.Ref.Index, key);
    }

    private void Misfortune()
    {
        var present = _engines.Where(e => !e.Removed).ToList();
        var engine = present[_random.Next(present.Count)];
        switch (_random.Next(1500))
        {
            case < 6 when !engine.Down && present.Count(e => !e.Down) > (_harsh ? 0 : 1):
                Kill(engine);
                break;
            case < 20 when engine.Down:
                engine.Down = false;
                Core.SetHealth(engine.Ref, EngineHealth.Healthy, Clock);
                break;
            case < 25:
                engine.Model.SlowDown = _random.Next(1, 6);
                break;
            case < 28:
                _jump += _random.Next(2) == 0 ? 0.5 : -0.3;
                break;
            case < 40:
                Leave();
                break;
            case < 43:
                Core.IndexOf(1).Doubt(engine.Ref.Index, Clock);
                break;
            case < 45 when _harsh:
                foreach (var alive in present.Where(e => !e.Down))
                    Kill(alive);
                break;
            case < 55 when _harsh:
                Replace(engine);
                break;
            case < 85 when _harsh:
                Fail();
                break;
            default:
                break;
        }
    }

    private void Add(bool servesAdapter, EngineRoles roles)
    {
        var number = _engines.Count;
        var engine = new FaultyEngine
        {
            Model = new(_pool, number),
            ReportsLoad = number % 2 == 0,
            ServesAdapter = servesAdapter,
            Roles = roles,
            TransferGroup = _harsh ? (byte)(number % 4 == 3 ? 0 : 1 + (number / 4 % 2)) : (byte)1,
        };
        engine.Ref = Core.AddEngine(
            new($"e{number}", "m")
            {
                MaxRunning = 12, KvCapacityTokens = 64_000, ReportsLoad = engine.ReportsLoad,
                TransferGroup = engine.TransferGroup, Roles = roles,
            },
            Clock);
        if (_harsh && servesAdapter)
            Core.SetServed(engine.Ref, servesBase: true, [Adapter], Clock);
        Assert.True(!_byPlace.TryGetValue(engine.Ref.Index, out var before) || before.Removed, "a place given twice");
        _engines.Add(engine);
        _byPlace[engine.Ref.Index] = engine;
    }

    /// <summary>An engine leaves: what it has goes on, and another one comes.</summary>
    private void Replace(FaultyEngine engine)
    {
        engine.Removed = true;
        Core.RemoveEngine(engine.Ref, Clock);
        Add(engine.ServesAdapter, engine.Roles);
        Removed++;
    }

    private void Kill(FaultyEngine engine)
    {
        engine.Down = true;
        Core.SetHealth(engine.Ref, EngineHealth.Down, Clock);
        engine.Model.Die(_now);
        var number = engine.Model.Number;
        foreach (var flight in _flights.Values.Where(f => f.Placed
            && (f.Request.Prefill == number || f.Request.Decode == number)).ToList())
        {
            var decoding = flight.Request.Decode == number;
            Move(flight, decoding ? RouteFailure.DecodeEngineDied : RouteFailure.PrefillEngineDied);
        }

        Assert.Equal(0, Core.IndexOf(1).HeldBy(engine.Ref.Index));
    }

    /// <summary>One of the engines of a request fails it, and lives on.</summary>
    private void Fail()
    {
        var placed = _flights.Values.Where(f => f.Placed).ToList();
        if (placed.Count == 0)
            return;
        var flight = placed[_random.Next(placed.Count)];
        var reading = flight.Request.Prefill != flight.Request.Decode && !flight.Begun && _random.Next(2) == 0;
        Move(flight, reading ? RouteFailure.PrefillEngineDied : RouteFailure.EngineError);
        Failed++;
    }

    /// <summary>What an engine had is tried again, from a token further on.</summary>
    private void Move(Flight flight, RouteFailure failure)
    {
        foreach (var engine in _engines)
            engine.Model.Drop(flight.Request, _now);
        flight.Placed = flight.Begun = false;
        flight.Since = Monotonic;
        Assert.True(Core.Requeue(flight.Request.Ticket, failure, outputTokens: 1, Clock));
        flight.Delivered++;
        Moved++;
    }

    private void Leave()
    {
        if (_flights.Count == 0)
            return;
        var flight = _flights.Values.ElementAt(_random.Next(_flights.Count));
        foreach (var engine in _engines)
            engine.Model.Drop(flight.Request, _now);
        Assert.True(Core.Failed(flight.Request.Ticket, RouteFailure.EngineError, Clock));
        Assert.False(Core.Failed(flight.Request.Ticket, RouteFailure.Cancelled, Clock));
        End(flight, flight.Unfinished);
    }

    private void Report(bool all)
    {
        foreach (var engine in _engines)
        {
            // Reports of one engine pause for two seconds in every ten.
            if (engine is { ReportsLoad: true, Down: false, Removed: false }
                && (all || (_now + engine.Model.Number) % 10 > 2))
                Core.ReportLoad(engine.Ref, new(0, engine.Model.Running, 0.2), Clock);
        }
    }

    /// <summary>
    /// Every request that waits is in one queue, once, and has something to wait for; what has left takes up little
    /// room.
    /// </summary>
    private void CheckQueues()
    {
        var pool = Core.PoolOf(1);
        _waiting.Clear();
        Collect(pool.Unbound);
        for (var place = 0; place < pool.Places; place++)
        {
            if (pool.Find(place) is { } engine)
                Collect(engine.Queue);
        }

        Assert.Equal(pool.Waiting, _waiting.Count);
        Assert.Equal(pool.Waiting, _waiting.Distinct().Count());
        Assert.All(_waiting, e => Assert.Equal(RequestPhase.Waiting, e.Phase));
        Assert.All(_waiting, e => Assert.True(
            Router.AnyEngine(pool, e.Request.Lora, e.Excluded, _mode), "waits and nobody could serve it"));
    }

    private void Collect(EngineQueue queue)
    {
        foreach (var lane in queue.Lanes)
        {
            lane.CollectInto(_waiting);
            Assert.InRange(lane.HeapCount, lane.Count, (2 * lane.Count) + 20);
        }
    }

    private void End(Flight flight, double charge)
    {
        Assert.True(_flights.Remove(flight.Request.Id), "a request ended twice");
        Ended++;
        ExpectedCharge += charge;
    }
}
