namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>
/// A model of one engine: reads prompts one after the other, writes answers all at once, each token slower the more
/// there are. Decoding advances a virtual clock in tokens, so that an answer ends when the clock has passed its length.
/// </summary>
internal sealed class SimulatedEngine(SimulationOptions options, int number)
{
    private readonly Queue<SimulatedRequest> _queue = new();
    private readonly PriorityQueue<SimulatedRequest, double> _decoding = new();
    private double _virtualTokens;
    private double _updatedAt;
    private double _prefillEndsAt = double.PositiveInfinity;

    public int Number { get; } = number;

    public BlockCache Cache { get; } = new((int)(options.KvTokens / options.BlockTokens));

    public double SlowDown { get; set; } = 1;

    public SimulatedRequest? Reading { get; private set; }

    public int Running => _decoding.Count;

    public double BusySeconds { get; private set; }

    /// <summary>When something happens here next, if nothing else does.</summary>
    public double NextAt => Math.Min(_prefillEndsAt, DecodeEndsAt);

    private double SecondsPerToken => SlowDown
        * (options.DecodeSecondsPerToken + (options.DecodeSecondsPerRunning * Running))
        / (Reading is null ? 1 : Math.Max(1e-3, 1 - options.PrefillStall));

    private double DecodeEndsAt =>
        _decoding.TryPeek(out _, out var end)
            ? _updatedAt + (Math.Max(0, end - _virtualTokens) * SecondsPerToken)
            : double.PositiveInfinity;

    public void Prefill(SimulatedRequest request, double now)
    {
        _queue.Enqueue(request);
        Start(now);
    }

    public void Decode(SimulatedRequest request, double now)
    {
        Update(now);
        _decoding.Enqueue(request, _virtualTokens + Math.Max(1, request.Trace.OutputTokens - 1));
    }

    /// <summary>The request whose prompt has been read by now; null when none has.</summary>
    public SimulatedRequest? EndPrefill(double now)
    {
        if (_prefillEndsAt > now)
            return null;
        Update(now);
        var ended = Reading;
        Reading = null;
        _prefillEndsAt = double.PositiveInfinity;
        return ended;
    }

    /// <summary>Begins with the next prompt when it can.</summary>
    public void Start(double now)
    {
        if (Reading is not null || !_queue.TryDequeue(out var next))
            return;
        Update(now);
        Reading = next;
        next.CachedBlocks = Cache.Match(next.Trace.Blocks);
        next.CachedTokens = (int)Math.Min((long)next.CachedBlocks * options.BlockTokens, next.Trace.PromptTokens - 1);
        var seconds = SlowDown * (next.Trace.PromptTokens - next.CachedTokens) / options.SpeedOf(Number)
            * (1 + (options.DecodeInterference * Running));
        BusySeconds += seconds;
        _prefillEndsAt = now + seconds;
    }

    /// <summary>The request whose answer is complete by now; null when none is.</summary>
    public SimulatedRequest? EndDecode(double now)
    {
        if (DecodeEndsAt > now)
            return null;
        Update(now);
        return _decoding.Dequeue();
    }

    /// <summary>Stops at once and loses everything; returns what it worked on.</summary>
    public List<SimulatedRequest> Die(double now)
    {
        Update(now);
        List<SimulatedRequest> lost = [.. _queue, .. _decoding.UnorderedItems.Select(i => i.Element)];
        if (Reading is not null)
            lost.Add(Reading);
        _queue.Clear();
        _decoding.Clear();
        Reading = null;
        _prefillEndsAt = double.PositiveInfinity;
        Cache.Clear();
        return lost;
    }

    /// <summary>Forgets one request, wherever it is.</summary>
    public void Drop(SimulatedRequest request, double now)
    {
        Update(now);
        for (var i = _queue.Count; i > 0; i--)
        {
            if (_queue.Dequeue() is var queued && queued != request)
                _queue.Enqueue(queued);
        }

        _decoding.Remove(request, out _, out _);
        if (Reading != request)
            return;
        Reading = null;
        _prefillEndsAt = double.PositiveInfinity;
        Start(now);
    }

    private void Update(double now)
    {
        if (_decoding.Count > 0)
            _virtualTokens += (now - _updatedAt) / SecondsPerToken;
        _updatedAt = now;
    }
}

/// <summary>A request on its way through a simulation.</summary>
internal sealed class SimulatedRequest(int id, TraceRequest trace, double arrivesAt)
{
    public int Id { get; } = id;

    public TraceRequest Trace { get; } = trace;

    public double ArrivesAt { get; } = arrivesAt;

    public int Prefill { get; set; } = -1;

    public int Decode { get; set; } = -1;

    public int CachedBlocks { get; set; }

    public int CachedTokens { get; set; }

    public double FirstTokenAt { get; set; } = double.NaN;

    public double EndedAt { get; set; } = double.NaN;

    public RouteTicket Ticket { get; set; }

    public SimulationRequestResult Result =>
        new(ArrivesAt, FirstTokenAt, EndedAt, Trace.PromptTokens, CachedTokens, Trace.OutputTokens);

    /// <summary>Uncached tokens that its placement counted on.</summary>
    public int PlannedTokens { get; set; }
}
