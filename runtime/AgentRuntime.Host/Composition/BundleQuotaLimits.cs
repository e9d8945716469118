using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Composition;

/// <summary>The quota in force is the one of the bundle in force. Thread-safe.</summary>
internal sealed class BundleQuotaLimits(IPolicyDecisionPoint policies) : IQuotaLimitSource
{
    public QuotaLimits? Find(TenantId tenant) => policies.Current(tenant)?.Tenant.Quota;
}
