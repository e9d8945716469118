using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>
/// The whole router against engines that die, slow down and come back, with lost events, clients that leave, load
/// reports that stop and a clock that jumps: everything from one seed.
/// </summary>
internal sealed class FaultySimulation
{
    public const double MaxWait = 4;
    private const double Step = 0.02;
    private const int BlockTokens = 64;
    private readonly Random _random;
    private readonly SimulationOptions _pool = new() { BlockTokens = BlockTokens, KvTokens = 64_000 };
    private readonly SimulatedEngine[] _engines;
    private readonly EngineRef[] _refs;
    private readonly bool[] _down;
    private readonly Dictionary<int, Flight> _flights = [];
    private double _now;
    private double _jump;
    private double _monotonic;

    public FaultySimulation(int seed, DisaggregationMode mode, int engines)
    {
        _random = new(seed);
        Core = new(
            new()
            {
                Classes = [Class("first", 0), Class("second", 1) with { Sheddable = true }],
                BlockTokens = BlockTokens, Disaggregation = mode, MaxWaiting = 60, MaxWaitingPerTenant = 30,
            },
            seed: (ulong)seed);
        _engines = [.. Enumerable.Range(0, engines).Select(e => new SimulatedEngine(_pool, e))];
        _refs = [.. _engines.Select(e => Core.AddEngine(
            new($"e{e.Number}", "m") { MaxRunning = 12, KvCapacityTokens = 64_000, ReportsLoad = e.Number % 2 == 0 }, 0))];
        _down = new bool[engines];
    }

    public RoutingCore Core { get; }

    public int Ended { get; private set; }

    public int Submitted { get; private set; }

    public int Moved { get; private set; }

    public int Refused { get; private set; }

    public double ExpectedCharge { get; private set; }

    public double LongestWait { get; private set; }

    public void Play(double seconds)
    {
        var trace = SyntheticTrace.Merge(
            [.. Enumerable.Range(0, 3).Select(t => new SyntheticTrace
            {
                Tenant = t, Class = t % 2, RequestsPerSecond = 4 * (t + 1), Seconds = seconds, BlockTokens = BlockTokens,
                OutputTokens = 40,
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
        }
    }

    private static SloClass Class(string name, int priority) =>
        new(name, priority) { TtftSeconds = 2, MaxWaitSeconds = MaxWait, PromoteAfterSeconds = 2 };

    private double Clock => _now + _jump;

    /// <summary>The clock as the core takes it: never backwards. Waits are bounded in its time.</summary>
    private double Monotonic => _monotonic = Math.Max(_monotonic, Clock);

    private void Submit(TraceRequest trace)
    {
        var flight = new Flight { Request = new(++Submitted, trace, _now), Since = Monotonic };
        flight.Request.Ticket = Core.Submit(
            new()
            {
                Pool = 1, Tenant = CoreRouter.TenantOf(trace.Tenant), Class = trace.Class,
                PromptTokens = trace.PromptTokens, ExpectedOutputTokens = trace.OutputTokens, Blocks = trace.Blocks,
                State = flight,
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

            Assert.False(_down[taken.Prefill.Index] || _down[taken.Decode.Index], "sent to an engine that is down");
            flight.Placed = true;
            (flight.Request.Prefill, flight.Request.Decode) = (taken.Prefill.Index, taken.Decode.Index);
            flight.Uncached = Math.Max(1, flight.Prompt - taken.Explanation.CachedTokens);
            _engines[taken.Prefill.Index].Prefill(flight.Request, _now);
        }
    }

    private void Work(SimulatedEngine engine)
    {
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
            engine.Cache.Use(read.Trace.Blocks, key => Event(engine, key, true), key => Event(engine, key, false));
            if (_flights.TryGetValue(read.Id, out var begun))
            {
                Core.PrefillDone(read.Ticket, Clock);
                Core.FirstToken(read.Ticket, Clock);
                _engines[read.Decode].Decode(read, _now);
                begun.Begun = true;
            }

            engine.Start(_now);
        }
    }

    private void Event(SimulatedEngine engine, BlockKey key, bool stored)
    {
        // One event in fifty is lost, and nobody notices.
        if (_random.Next(50) == 0)
            return;
        if (stored)
            Core.IndexOf(1).Store(engine.Number, key);
        else
            Core.IndexOf(1).Evict(engine.Number, key);
    }

    private void Misfortune()
    {
        var engine = _random.Next(_engines.Length);
        switch (_random.Next(1500))
        {
            case < 6 when !_down[engine] && _down.Count(d => d) < _engines.Length - 1:
                Kill(engine);
                break;
            case < 20 when _down[engine]:
                _down[engine] = false;
                Core.SetHealth(_refs[engine], EngineHealth.Healthy, Clock);
                break;
            case < 25:
                _engines[engine].SlowDown = _random.Next(1, 6);
                break;
            case < 28:
                _jump += _random.Next(2) == 0 ? 0.5 : -0.3;
                break;
            case < 40:
                Leave();
                break;
            case < 43:
                Core.IndexOf(1).Doubt(engine, Clock);
                break;
            default:
                break;
        }
    }

    private void Kill(int engine)
    {
        _down[engine] = true;
        Core.SetHealth(_refs[engine], EngineHealth.Down, Clock);
        _engines[engine].Die(_now);
        foreach (var flight in _flights.Values.Where(f => f.Placed
            && (f.Request.Prefill == engine || f.Request.Decode == engine)).ToList())
        {
            foreach (var other in _engines)
                other.Drop(flight.Request, _now);
            flight.Placed = flight.Begun = false;
            flight.Since = Monotonic;
            var decoding = flight.Request.Decode == engine;
            Assert.True(Core.Requeue(
                flight.Request.Ticket,
                decoding ? RouteFailure.DecodeEngineDied : RouteFailure.PrefillEngineDied, outputTokens: 1, Clock));
            flight.Delivered++;
            Moved++;
        }

        Assert.Equal(0, Core.IndexOf(1).HeldBy(engine));
    }

    private void Leave()
    {
        if (_flights.Count == 0)
            return;
        var flight = _flights.Values.ElementAt(_random.Next(_flights.Count));
        foreach (var engine in _engines)
            engine.Drop(flight.Request, _now);
        Assert.True(Core.Failed(flight.Request.Ticket, RouteFailure.EngineError, Clock));
        Assert.False(Core.Failed(flight.Request.Ticket, RouteFailure.Cancelled, Clock));
        End(flight, flight.Unfinished);
    }

    private void Report(bool all)
    {
        foreach (var engine in _engines)
        {
            // Reports of one engine pause for two seconds in every ten.
            if (engine.Number % 2 == 0 && !_down[engine.Number] && (all || (_now + engine.Number) % 10 > 2))
                Core.ReportLoad(_refs[engine.Number], new(0, engine.Running, 0.2), Clock);
        }
    }

    private void End(Flight flight, double charge)
    {
        Assert.True(_flights.Remove(flight.Request.Id), "a request ended twice");
        Ended++;
        ExpectedCharge += charge;
    }

    private sealed class Flight
    {
        public required SimulatedRequest Request { get; init; }

        public double Since { get; set; }

        public bool Placed { get; set; }

        public int Delivered { get; set; }

        public int Uncached { get; set; }

        /// <summary>Whether its prompt has been read by the engine that it is on.</summary>
        public bool Begun { get; set; }

        public double Unfinished => (Begun || Delivered > 0 ? Uncached : 0) + (2.0 * Delivered);

        public int Prompt => Request.Trace.PromptTokens + Delivered;
    }
}
