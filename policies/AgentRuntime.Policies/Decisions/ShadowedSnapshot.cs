using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// A bundle in force with another in its shadow: every call is decided twice. Immutable and thread-safe.
/// </summary>
internal sealed class ShadowedSnapshot(BundleSnapshot enforced, BundleSnapshot shadow) : IPolicySnapshot
{
    public BundleDigest Digest => enforced.Digest;

    public TenantPolicy Tenant => enforced.Tenant;

    public AgentPolicy? FindAgent(string qualifiedName) => enforced.FindAgent(qualifiedName);

    public RuntimeError? RefusalToStart(WorkIdentity identity, DateTimeOffset at) =>
        enforced.RefusalToStart(identity, at);

    public IRunPolicy Open(WorkIdentity identity) => new ShadowRun(enforced.Open(identity), shadow.Open(identity));
}
