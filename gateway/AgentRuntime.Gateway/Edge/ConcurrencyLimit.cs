using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Counts requests under way, over all tenants and for each, and refuses those beyond: no queue, so that a flood costs
/// nothing but its refusals. Thread-safe.
/// </summary>
internal sealed class ConcurrencyLimit(string what, int total, int perTenant)
{
    private readonly ConcurrentDictionary<TenantId, Count> _tenants = new();
    private int _total;

    /// <summary>Takes a place; dispose it when the request ends.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR4009 when all places are taken, AR6004 when the tenant's are.
    /// </exception>
    public Place Enter(TenantId tenant)
    {
        if (Interlocked.Increment(ref _total) > total)
        {
            Interlocked.Decrement(ref _total);
            throw new RuntimeErrorException(new RuntimeError(ReasonCodes.Saturated, $"too many {what} at once")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            });
        }

        var count = _tenants.GetOrAdd(tenant, static _ => new Count());
        if (Interlocked.Increment(ref count.Value) > perTenant)
        {
            new Place(this, count).Dispose();
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.ConcurrencyQuota, $"the tenant has {perTenant} {what} under way, as many as it may")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            });
        }

        return new Place(this, count);
    }

    internal sealed class Count
    {
        public int Value;
    }

    internal readonly struct Place(ConcurrencyLimit limit, Count count) : IDisposable
    {
        public void Dispose()
        {
            Interlocked.Decrement(ref count.Value);
            Interlocked.Decrement(ref limit._total);
        }
    }
}
