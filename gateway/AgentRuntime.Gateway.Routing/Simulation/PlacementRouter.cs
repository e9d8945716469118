namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>
/// The frame of the policies that ours is compared with: places each request when it comes, on an index of its own
/// with the same events and the same speculation, and with exact counts of what every engine has under way.
/// </summary>
internal sealed class PlacementRouter : SimulatedRouter
{
    private readonly PlacementPolicy _policy;
    private readonly KvIndex _index = new(new KvIndexOptions { SpeculativeSeconds = 60 });
    private readonly PrefixMatches _matches = new();
    private readonly PlacementView[] _views;
    private readonly SimulationOptions _options;
    private readonly Queue<SimulatedRequest> _placed = new();

    public PlacementRouter(PlacementPolicy policy, SimulationOptions options)
    {
        _policy = policy;
        _options = options;
        _views = new PlacementView[options.AllEngines];
        for (var e = 0; e < _views.Length; e++)
        {
            _index.Add(e);
            _views[e] = new() { Engine = e, Roles = options.RolesOf(e) };
        }
    }

    public override void Arrive(SimulatedRequest request, double now)
    {
        _index.Advance(now);
        var blocks = request.Trace.Blocks;
        _index.Match(blocks, _matches);
        List<PlacementView> candidates = [];
        foreach (var view in _views)
        {
            if ((view.Roles & EngineRoles.Prefill) == 0)
                continue;
            view.Blocks = blocks.Length;
            view.MatchedBlocks = _matches[view.Engine];
            view.PromptTokens = request.Trace.PromptTokens;
            view.UncachedTokens = request.Trace.PromptTokens
                - (int)Math.Min((long)view.MatchedBlocks * _options.BlockTokens, request.Trace.PromptTokens - 1);
            candidates.Add(view);
        }

        var prefill = _policy.Choose(candidates);
        // As the named systems do it: a fixed split, the decode side by load alone.
        var decode = prefill.Roles == EngineRoles.Both
            ? prefill
            : _views.Where(v => v.Roles == EngineRoles.Decode).MinBy(v => v.KvTokens)!;
        request.Prefill = prefill.Engine;
        request.Decode = decode.Engine;
        request.PlannedTokens = prefill.UncachedTokens;
        prefill.WaitingRequests++;
        prefill.WaitingTokens += prefill.UncachedTokens;
        prefill.KvTokens += request.Trace.PromptTokens;
        _index.Speculate(prefill.Engine, blocks, now);
        _placed.Enqueue(request);
    }

    public override bool TryTake(double now, out SimulatedRequest? request, out int prefill, out int decode)
    {
        var any = _placed.TryDequeue(out request);
        (prefill, decode) = any ? (request!.Prefill, request.Decode) : (-1, -1);
        return any;
    }

    public override void PrefillEnded(SimulatedRequest request, double now)
    {
        var view = _views[request.Prefill];
        view.WaitingRequests--;
        view.WaitingTokens -= request.PlannedTokens;
        if (request.Decode != request.Prefill)
            view.KvTokens -= request.Trace.PromptTokens;
    }

    public override void FirstToken(SimulatedRequest request, double now)
    {
        var view = _views[request.Decode];
        view.RunningRequests++;
        if (request.Decode != request.Prefill)
            view.KvTokens += request.Trace.PromptTokens;
    }

    public override void Completed(SimulatedRequest request, double now)
    {
        var view = _views[request.Decode];
        view.RunningRequests--;
        view.KvTokens -= request.Trace.PromptTokens;
    }

    public override void Stored(int engine, BlockKey key) => _index.Store(engine, key);

    public override void Evicted(int engine, BlockKey key) => _index.Evict(engine, key);
}

/// <summary>What a placement policy sees of an engine for the request at hand.</summary>
internal sealed class PlacementView
{
    public required int Engine { get; init; }

    public required EngineRoles Roles { get; init; }

    public int Blocks { get; set; }

    public int MatchedBlocks { get; set; }

    public int PromptTokens { get; set; }

    public int UncachedTokens { get; set; }

    /// <summary>Requests that were placed here and have no first token.</summary>
    public int WaitingRequests { get; set; }

    /// <summary>Their uncached tokens.</summary>
    public long WaitingTokens { get; set; }

    public int RunningRequests { get; set; }

    /// <summary>Prompt tokens of everything under way.</summary>
    public long KvTokens { get; set; }
}
