using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Counts the bytes of bodies in hand that are not small, from their reading to the end of their requests, over all
/// tenants and for each, and refuses what goes beyond: requests that wait for an engine keep their bodies. Thread-safe.
/// </summary>
internal sealed class BodyBytes(long total, long perTenant)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TenantId, long> _tenants = [];
    private long _total;

    /// <summary>What is held of one body; nothing yet.</summary>
    public Held Enter(TenantId tenant) => new(this, tenant);

    private RuntimeError? Add(TenantId tenant, long bytes)
    {
        lock (_lock)
        {
            var ofTenant = _tenants.GetValueOrDefault(tenant) + bytes;
            if (ofTenant > perTenant)
            {
                return Full(
                    ReasonCodes.ConcurrencyQuota, $"a tenant's large requests may have {perTenant} bytes at once");
            }

            if (_total + bytes > total)
                return Full(ReasonCodes.Saturated, "too many bytes of large requests are under way");

            _total += bytes;
            if (ofTenant == 0)
                _tenants.Remove(tenant);
            else
                _tenants[tenant] = ofTenant;
            return null;
        }
    }

    private static RuntimeError Full(ReasonCode code, string message) =>
        new(code, message, "body", "Try again shortly, or send less at once.") { RetryAfter = TimeSpan.FromSeconds(1) };

    /// <summary>What is held of one body, until it is disposed of. Owned by one request.</summary>
    internal sealed class Held(BodyBytes owner, TenantId tenant) : IDisposable
    {
        private long _bytes;

        /// <summary>So much is held from now on; the refusal when that is too much.</summary>
        public RuntimeError? GrowTo(long bytes)
        {
            var refusal = owner.Add(tenant, bytes - _bytes);
            if (refusal is null)
                _bytes = bytes;
            return refusal;
        }

        public void Dispose() => GrowTo(0);
    }
}
