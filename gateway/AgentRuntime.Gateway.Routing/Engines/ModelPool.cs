using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <summary>The engines of one model with everything that is known of them. Owned by the core, single writer.</summary>
internal sealed class ModelPool(int number, string model, RoutingOptions options)
{
    private const int MaxTenants = 65_536;
    private readonly Dictionary<TenantId, TenantShare> _tenants = [];
    private EngineRow[] _rows = [];
    private EngineState?[] _engines = [];
    private byte[] _transferGroups = [];
    private int _activeTenants;
    private int _engineCount;

    public int Number { get; } = number;

    public string Model { get; } = model;

    public KvIndex Index { get; } = new(options.Index);

    public PrefixMatches Matches { get; } = new();

    public SharedPrefixes Shared { get; } = new();

    public PoolAdapters Adapters { get; } = new();

    /// <summary>Requests for which no engine could be named when they came.</summary>
    public EngineQueue Unbound { get; } = new();

    /// <summary>Places for engines, free ones included.</summary>
    public int Places { get; private set; }

    public Span<EngineRow> Rows => _rows.AsSpan(0, Places);

    /// <summary>By engine, its <see cref="EngineDescription.TransferGroup"/> as last set.</summary>
    public ReadOnlySpan<byte> TransferGroups => _transferGroups.AsSpan(0, Places);

    /// <summary>Requests that wait in the router.</summary>
    public int Waiting { get; private set; }

    /// <summary>Tenants with waiting requests.</summary>
    public List<TenantShare> WaitingTenants { get; } = [];

    /// <summary>Whether requests wait, and not all that is under way is one tenant's.</summary>
    public bool IsContended => Waiting > 0 && _activeTenants > 1;

    /// <summary>
    /// The counter of the tenant that was served last: about where a tenant that returns is lifted to (start-time fair
    /// queueing's virtual time). While that tenant lives on its burst it is the time at which it returned, or else each
    /// of those who come one after the other would begin a burst further back.
    /// </summary>
    public double VirtualTime { get; set; }

    /// <summary>Prompt tokens that all engines can read in a second, as of the last advance; 0 before it.</summary>
    public double TokensPerSecond { get; set; }

    /// <summary>Whether a request could not be sent because no decode engine had room.</summary>
    public bool DecodeBlocked { get; set; }

    /// <summary>When a request was last refused because no engine could serve it.</summary>
    public double LackedEngineAt { get; set; } = double.NegativeInfinity;

    /// <summary>Whether it has an engine, in whatever health.</summary>
    public bool HasEngines
    {
        get
        {
            foreach (var engine in _engines)
            {
                if (engine is { Removed: false })
                    return true;
            }

            return false;
        }
    }

    /// <summary>Whether it has no engine, none that still works on something either, and no request.</summary>
    public bool IsEmpty => _engineCount == 0 && _activeTenants == 0;

    /// <summary>Since when it is empty; infinite while it is not, or nobody has looked.</summary>
    public double EmptySince { get; set; } = double.PositiveInfinity;

    /// <summary>Smoothed time of a prefill.</summary>
    public double MeanPrefillSeconds { get; private set; } = 1000 / options.Prior.PrefillTokensPerSecond;

    public TransferPredictor Transfer { get; } = new(options);

    public void SetTransferGroup(int engine, byte group) => _transferGroups[engine] = group;

    public ref EngineRow Row(int engine) => ref _rows[engine];

    public EngineState Engine(int engine) => _engines[engine]!;

    public EngineState? Find(int engine) => (uint)engine < (uint)Places ? _engines[engine] : null;

    public int Add(EngineDescription description, double now)
    {
        var engine = 0;
        while (engine < Places && _engines[engine] is not null)
            engine++;
        if (engine == Places)
        {
            if (Places == _rows.Length)
            {
                Array.Resize(ref _rows, Math.Max(8, Places * 2));
                Array.Resize(ref _engines, _rows.Length);
                Array.Resize(ref _transferGroups, _rows.Length);
            }

            Places++;
        }

        var state = new EngineState(description, new(options.Prior))
        {
            AddedAt = now, BusyShareAt = now, DoubtedAt = now,
        };
        _engines[engine] = state;
        _engineCount++;
        _transferGroups[engine] = description.TransferGroup;
        ref var row = ref _rows[engine];
        row = new()
        {
            FreshUntil = description.ReportsLoad ? now + options.StaleAfterSeconds : double.PositiveInfinity,
            KvFreeTokens = description.KvCapacityTokens > 0 ? description.KvCapacityTokens : long.MaxValue,
            MaxRunning = description.MaxRunning,
            Roles = description.Roles,
            Open = true,
        };
        state.Predictor.Publish(ref row, options.Prior);
        Index.Add(engine);
        Adapters.Add(engine);
        return engine;
    }

    /// <summary>A prefill took this long.</summary>
    public void LearnMeanPrefill(double seconds)
    {
        if (seconds > 0)
            MeanPrefillSeconds += (Math.Max(1e-4, seconds) - MeanPrefillSeconds) * 0.02;
    }

    /// <summary>Gives a removed engine's place back once nothing of it is under way.</summary>
    public void FreeWhenEnded(int engine)
    {
        if (_engines[engine] is not { Removed: true } || _rows[engine] is not { Running: 0, Prefilling: 0 })
            return;
        _engines[engine] = null;
        _engineCount--;
    }

    /// <summary>The tenant's share.</summary>
    public TenantShare Share(TenantId tenant)
    {
        if (_tenants.TryGetValue(tenant, out var share))
            return share;
        if (_tenants.Count >= MaxTenants)
            ForgetIdleTenants();
        share = new(tenant);
        _tenants.Add(tenant, share);
        return share;
    }

    /// <summary>The tenant's share; null for a newcomer.</summary>
    public TenantShare? TryShare(TenantId tenant) => _tenants.GetValueOrDefault(tenant);

    /// <summary>
    /// The counter of a tenant that has nothing waiting: where it stopped, but a burst behind the others at most, so
    /// that being away earns no more. Null for a newcomer.
    /// </summary>
    public double ServedOnReturn(TenantShare? tenant)
    {
        var burst = options.BurstSeconds * TokensPerSecond / (tenant?.Weight ?? 1);
        return Math.Max(tenant?.Served ?? 0, VirtualTime - burst);
    }

    /// <summary>A tenant that has nothing waiting asks again.</summary>
    public void Return(TenantShare tenant)
    {
        tenant.Served = ServedOnReturn(tenant);
        tenant.ReturnedAt = Math.Max(tenant.ReturnedAt, VirtualTime);
    }

    /// <summary>A request of the tenant is under way.</summary>
    public void Begin(TenantShare tenant)
    {
        if (tenant.Active++ == 0)
            _activeTenants++;
    }

    /// <summary>A request of the tenant has ended.</summary>
    public void End(TenantShare tenant)
    {
        if (--tenant.Active == 0)
            _activeTenants--;
    }

    /// <summary>A request of the tenant begins to wait.</summary>
    public void BeginWait(TenantShare tenant)
    {
        Waiting++;
        if (tenant.Waiting++ > 0)
            return;
        tenant.WaitingIndex = WaitingTenants.Count;
        WaitingTenants.Add(tenant);
    }

    /// <summary>A request of the tenant no longer waits.</summary>
    public void EndWait(TenantShare tenant)
    {
        Waiting--;
        if (--tenant.Waiting > 0)
            return;
        var last = WaitingTenants[^1];
        last.WaitingIndex = tenant.WaitingIndex;
        WaitingTenants[tenant.WaitingIndex] = last;
        WaitingTenants.RemoveAt(WaitingTenants.Count - 1);
    }

    private void ForgetIdleTenants()
    {
        foreach (var (tenant, share) in _tenants)
        {
            if (share.Active == 0 && share.Weight == 1)
                _tenants.Remove(tenant);
        }
    }
}
