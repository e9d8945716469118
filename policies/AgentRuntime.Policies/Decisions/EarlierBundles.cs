using System.Collections.Immutable;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Bundles that were in force, for work that started under them. The few that were asked for last stay compiled.
/// Thread-safe.
/// </summary>
internal sealed class EarlierBundles(IBundleStore store, PolicyOptions options, ThreatMonitor threats)
{
    private const int MaxCompiled = 16;

    private ImmutableList<(TenantId Tenant, BundleSnapshot Snapshot)> _compiled = [];

    /// <summary>The bundle; null when it is not kept any more or does not validate any more.</summary>
    public async ValueTask<BundleSnapshot?> FindAsync(
        TenantId tenant, BundleDigest digest, CancellationToken cancellationToken)
    {
        foreach (var (owner, known) in Volatile.Read(ref _compiled))
        {
            if (owner == tenant && known.Digest == digest)
                return known;
        }

        var stored = await store.FindAsync(tenant, digest, cancellationToken);
        if (stored is null
            || BundleCompiler.Compile(stored.Files, options.ForKept(), new(), cancellationToken) is not { } compiled
            || compiled.Digest != digest)
            return null;
        var snapshot = new BundleSnapshot(compiled, options, threats);
        ImmutableInterlocked.Update(
            ref _compiled,
            static (list, added) => (list.Count < MaxCompiled ? list : list.RemoveAt(0)).Add(added),
            (tenant, snapshot));
        return snapshot;
    }
}
