using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <content>How requests fared, and how many engines that asks for.</content>
public sealed partial class RoutingCore
{
    private const int MaxAccounts = 65_536;
    private const double RefusedLatelySeconds = 300;
    private readonly Dictionary<(int Pool, TenantId Tenant, string Service), SloAccount> _accounts = [];
    private readonly SloAccount _overflow = new();

    /// <summary>How a tenant's requests of a service class fared over the last hour.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="service">The name of the class: the tenant's own, or that of the options.</param>
    /// <param name="now">The time.</param>
    public SloReport ReportSlo(int pool, TenantId tenant, string service, double now) =>
        _accounts.TryGetValue((pool, tenant, service), out var account)
            ? account.Report(Clock(now))
            : SloReport.Nothing;

    /// <summary>
    /// Every account with requests in the last hour, with the terms of its class as they were last. Allocates: for
    /// metrics and status, not for requests.
    /// </summary>
    /// <param name="tenant">The tenant; null for all.</param>
    /// <param name="now">The time.</param>
    public IReadOnlyList<SloStanding> ReportSlo(TenantId? tenant, double now)
    {
        now = Clock(now);
        List<SloStanding> standings = [];
        foreach (var ((pool, owner, _), account) in _accounts)
        {
            if (tenant is { } one && one != owner)
                continue;
            var report = account.Report(now);
            if (report.Requests > 0)
                standings.Add(new(PoolOf(pool).Model, owner, account.Service, report));
        }

        return standings;
    }

    /// <summary>What a tenant was charged in a pool so far, in tokens, running requests as expected.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="tenant">The tenant.</param>
    public double ChargedTo(int pool, TenantId tenant) => PoolOf(pool).TryShare(tenant)?.ChargedTokens ?? 0;

    /// <summary>
    /// How many engines each pool should have by its load of now; nothing of a model that has no engine any more and
    /// that nobody asked for in the last five minutes. Allocates: not for requests.
    /// </summary>
    public IReadOnlyList<(string Model, ScalingAdvice Advice)> AdviseScaling(double now)
    {
        now = Clock(now);
        return
        [
            .. _pools.Values.Where(pool => pool.HasEngines || pool.Waiting > 0
                    || now - pool.LackedEngineAt <= RefusedLatelySeconds)
                .Select(pool => (pool.Model, AdviseScaling(pool.Number, now))),
        ];
    }

    /// <summary>How many engines a pool should have by its load of now.</summary>
    public ScalingAdvice AdviseScaling(int pool, double now)
    {
        var tightest = double.PositiveInfinity;
        foreach (var service in _options.Classes)
            tightest = Math.Min(tightest, service.TtftSeconds);
        return ScalingAdvice.Of(PoolOf(pool), tightest, Clock(now));
    }

    private void Account(RequestEntry entry, int outputTokens, double now)
    {
        var service = ServiceOf(entry.Request);
        var ttft = entry.FirstTokenAt - entry.ArrivedAt;
        var tpot = outputTokens > 1 ? (now - entry.FirstTokenAt) / (outputTokens - 1) : 0;
        AccountOf(entry, service).Count(ttft <= service.TtftSeconds, tpot <= service.TpotSeconds, refused: false, now);
    }

    private void AccountRefused(RequestEntry entry) =>
        AccountOf(entry, ServiceOf(entry.Request)).Count(ttftMet: false, tpotMet: false, refused: true, _now);

    private SloAccount AccountOf(RequestEntry entry, SloClass service)
    {
        var key = (entry.Pool.Number, entry.Tenant.Tenant, service.Name);
        if (_accounts.TryGetValue(key, out var account))
        {
            account.Service = service;
            return account;
        }

        if (_accounts.Count >= MaxAccounts)
        {
            foreach (var (old, idle) in _accounts)
            {
                if (_now - idle.LastAt > SloAccount.Buckets * SloAccount.BucketSeconds)
                    _accounts.Remove(old);
            }

            // Full of live ones: what is new goes to one account that nobody reads, rather than growing without bound.
            if (_accounts.Count >= MaxAccounts)
                return _overflow;
        }

        account = new() { Service = service };
        _accounts.Add(key, account);
        return account;
    }
}
