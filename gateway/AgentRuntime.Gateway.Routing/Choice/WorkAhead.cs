namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// How much of the work that waits in the router would go before one request: all of the classes before its own; of its
/// own class its tenant's, and of the others what fair shares let go first. That is what the least served tenants are
/// behind by, and one request of each tenant for each of its own. Without this, a flood would make everyone's
/// decisions as if the flood's queue were theirs. Made once for a decision, immutable.
/// </summary>
internal readonly struct WorkAhead
{
    private const int MaxTenantsRead = 64;
    private readonly TenantShare? _tenant;
    private readonly int _priority;
    private readonly int _front;
    private readonly bool _alone;
    private readonly bool _none;
    private readonly double _behind;
    private readonly int _others;

    public WorkAhead(ModelPool pool, TenantShare? tenant, int priority, int front, double tokenSeconds)
    {
        (_tenant, _priority, _front) = (tenant, priority, front);
        _none = pool.Waiting == 0;
        var waiting = pool.WaitingTenants;
        _others = waiting.Count - (tenant is { Waiting: > 0 } ? 1 : 0);
        _alone = _others == 0;
        if (_alone)
            return;
        var served = tenant is { Waiting: > 0 } ? tenant.Served : pool.ServedOnReturn(tenant);
        double first = 0, all = 0;
        var step = Math.Max(1, waiting.Count / MaxTenantsRead);
        for (var i = 0; i < waiting.Count; i += step)
        {
            var other = waiting[i];
            if (ReferenceEquals(other, tenant))
                continue;
            all += other.AllWaitingSeconds;
            var gap = (served - other.Served) * other.Weight * tokenSeconds;
            first += Math.Clamp(gap, 0, other.AllWaitingSeconds);
        }

        _behind = all > 0 ? first / all : 0;
    }

    /// <summary>Whether nothing waits anywhere.</summary>
    public bool IsNone => _none;

    /// <summary>Seconds of work before the request on an engine.</summary>
    public double Seconds(in EngineRow row, int engine)
    {
        if (_none || engine == _front)
            return 0;
        var ahead = row.Waiting[_priority];
        if (!_alone && ahead > 0)
        {
            var own = Math.Min(ahead, _tenant?.WaitingSeconds(engine) ?? 0);
            var others = ahead - own;
            ahead = own + Math.Min(others, (own * _others) + (others * _behind));
        }

        for (var p = 0; p < _priority; p++)
            ahead += row.Waiting[p];
        return ahead;
    }
}
