using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// The retry budget of each tenant: requests that make engines fail spend their own tenant's, and nobody else's. Those
/// that are full are forgotten when there are too many: a new one is the same. Thread-safe.
/// </summary>
internal sealed class RetryBudgets(double ratio, int burst, int mostTenants = 10_000)
{
    private readonly ConcurrentDictionary<TenantId, RetryBudget> _tenants = new();

    // Where more tenants than that are short of retries, newcomers share one.
    private readonly RetryBudget _shared = new(ratio, burst);

    public RetryBudget Of(TenantId tenant)
    {
        if (_tenants.TryGetValue(tenant, out var budget))
            return budget;
        if (_tenants.Count >= mostTenants)
            ForgetFull();
        return _tenants.Count < mostTenants
            ? _tenants.GetOrAdd(tenant, static (_, kind) => new RetryBudget(kind.ratio, kind.burst), (ratio, burst))
            : _shared;
    }

    private void ForgetFull()
    {
        foreach (var (tenant, budget) in _tenants)
        {
            if (budget.IsFull)
                _tenants.TryRemove(tenant, out _);
        }
    }
}
