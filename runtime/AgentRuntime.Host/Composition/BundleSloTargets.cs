using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Composition;

/// <summary>The service class of work is the one that the bundle in force gives it. Thread-safe.</summary>
internal sealed class BundleSloTargets(IPolicyDecisionPoint policies) : ISloTargetSource
{
    public SloTarget? Find(WorkIdentity identity)
    {
        var policy = policies.Current(identity.Tenant);
        return identity.AgentName is { } agent ? policy?.FindAgent(agent)?.Slo : policy?.Tenant.ClientSlo;
    }
}
