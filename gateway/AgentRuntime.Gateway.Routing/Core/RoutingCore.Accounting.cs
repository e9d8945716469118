using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <content>How requests fared, and how many engines that asks for.</content>
public sealed partial class RoutingCore
{
    private const int MaxAccounts = 65_536;
    private readonly Dictionary<(int Pool, TenantId Tenant, int Class), SloAccount> _accounts = [];
    private readonly SloAccount _overflow = new();

    /// <summary>How a tenant's requests of a class fared over the last hour.</summary>
    public SloReport ReportSlo(int pool, TenantId tenant, int @class, double now) =>
        _accounts.TryGetValue((pool, tenant, @class), out var account)
            ? account.Report(_options.Classes[@class], Clock(now))
            : new() { TtftAttainment = 1, TpotAttainment = 1, Attainment = 1, ErrorBudgetLeft = 1 };

    /// <summary>The tenants and classes that there is a report of. Allocates: for metrics, not for requests.</summary>
    public IReadOnlyList<(int Pool, TenantId Tenant, int Class)> SloAccounts => [.. _accounts.Keys];

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
        AccountOf(entry).Count(ttft <= service.TtftSeconds, tpot <= service.TpotSeconds, refused: false, now);
    }

    private void AccountRefused(RequestEntry entry) =>
        AccountOf(entry).Count(ttftMet: false, tpotMet: false, refused: true, _now);

    private SloAccount AccountOf(RequestEntry entry)
    {
        var key = (entry.Pool.Number, entry.Tenant.Tenant, entry.Request.Class);
        if (_accounts.TryGetValue(key, out var account))
            return account;
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

        account = new();
        _accounts.Add(key, account);
        return account;
    }
}
