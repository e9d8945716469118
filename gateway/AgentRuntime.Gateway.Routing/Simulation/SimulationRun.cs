namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>One replay: the engines, the requests, and the order of what happens.</summary>
internal sealed class SimulationRun
{
    private readonly SimulatedRouter _router;
    private readonly SimulationOptions _options;
    private readonly Queue<(double At, int Engine, BlockKey Key, bool Stored)> _events = new();
    private readonly PriorityQueue<SimulatedRequest, double> _transfers = new();
    private double _now;

    public SimulationRun(SimulatedRouter router, SimulationOptions options, IReadOnlyList<TraceRequest> trace)
    {
        _router = router;
        _options = options;
        Engines = [.. Enumerable.Range(0, options.AllEngines).Select(e => new SimulatedEngine(options, e))];
        Requests = [.. trace.Select((t, i) => new SimulatedRequest(i, t, t.ArrivalSeconds / options.Speed))];
    }

    public SimulatedEngine[] Engines { get; }

    public SimulatedRequest[] Requests { get; }

    public SimulationOptions Options => _options;

    /// <summary>When the last request ended.</summary>
    public double EndedAt { get; private set; }

    public int Refused { get; private set; }

    public void Play(double tick)
    {
        var arrival = 0;
        var open = Requests.Length;
        var nextTick = tick;
        while (open > 0)
        {
            var at = arrival < Requests.Length ? Requests[arrival].ArrivesAt : double.PositiveInfinity;
            at = Math.Min(at, nextTick);
            foreach (var engine in Engines)
                at = Math.Min(at, engine.NextAt);
            if (_transfers.TryPeek(out _, out var moved))
                at = Math.Min(at, moved);
            _now = Math.Max(_now, at);
            DeliverEvents();
            foreach (var engine in Engines)
                open -= Work(engine);
            while (_transfers.TryPeek(out var request, out var until) && until <= _now)
            {
                _transfers.Dequeue();
                BeginDecode(request);
            }

            DeliverEvents();
            while (arrival < Requests.Length && Requests[arrival].ArrivesAt <= _now)
                _router.Arrive(Requests[arrival++], _now);
            if (_now >= nextTick)
            {
                nextTick = _now + tick;
                _router.Advance(_now);
            }

            open -= Dispatch();
        }

        EndedAt = _now;
    }

    private int Work(SimulatedEngine engine)
    {
        var ended = 0;
        while (engine.NextAt <= _now)
        {
            if (engine.EndDecode(_now) is { } complete)
            {
                complete.EndedAt = _now;
                ended++;
                _router.Completed(complete, _now);
            }

            if (engine.EndPrefill(_now) is not { } read)
                continue;
            Use(engine, read);
            _router.PrefillEnded(read, _now);
            if (read.Decode == read.Prefill)
                BeginDecode(read);
            else
                _transfers.Enqueue(read, _now + (read.Trace.PromptTokens * _options.TransferSecondsPerToken));
            DeliverEvents();
            engine.Start(_now);
        }

        return ended;
    }


    private void BeginDecode(SimulatedRequest request)
    {
        request.FirstTokenAt = _now;
        _router.FirstToken(request, _now);
        Engines[request.Decode].Decode(request, _now);
    }

    private int Dispatch()
    {
        var refused = 0;
        while (_router.TryTake(_now, out var request, out var prefill, out var decode))
        {
            if (prefill < 0)
            {
                refused++;
                continue;
            }

            (request!.Prefill, request.Decode) = (prefill, decode);
            Engines[prefill].Prefill(request, _now);
        }

        Refused += refused;
        return refused;
    }

    private void Use(SimulatedEngine engine, SimulatedRequest request) =>
        engine.Cache.Use(
            request.Trace.Blocks,
            key => _events.Enqueue((_now + _options.EventDelaySeconds, engine.Number, key, true)),
            key => _events.Enqueue((_now + _options.EventDelaySeconds, engine.Number, key, false)));

    private void DeliverEvents()
    {
        while (_events.TryPeek(out var e) && e.At <= _now)
        {
            _events.Dequeue();
            if (e.Stored)
                _router.Stored(e.Engine, e.Key);
            else
                _router.Evicted(e.Engine, e.Key);
        }
    }
}
