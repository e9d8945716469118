using AgentRuntime.Abstractions;

namespace AgentRuntime.TestKit;

/// <summary>Bundles in memory, under the contract of the real stores. Thread-safe.</summary>
public sealed class MemoryBundleStore : IBundleStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TenantId, List<(StoredBundle Bundle, BundleVersion Version)>> _versions = [];
    private readonly Dictionary<TenantId, StoredShadow> _shadows = [];

    /// <summary>While true, nothing can be kept.</summary>
    public bool Fails { get; set; }

    /// <inheritdoc/>
    public ValueTask<BundleVersion> PutAsync(
        StoredBundle bundle, BundleOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        if (Fails)
            throw new IOException("the disk is full");
        lock (_lock)
        {
            if (!_versions.TryGetValue(bundle.Tenant, out var versions))
                _versions.Add(bundle.Tenant, versions = []);
            var number = versions.Count == 0 ? 1 : versions[^1].Version.Version + 1;
            var version = new BundleVersion(number, bundle.Digest, origin);
            versions.Add((bundle with { Version = number }, version));
            if (versions.Count > IBundleStore.MaxVersions)
                versions.RemoveAt(0);
            return new(version);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
            return new(_versions.Values.Select(v => v[^1].Bundle).ToList());
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<BundleVersion>> HistoryAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        lock (_lock)
            return new(Of(tenant).Select(v => v.Version).Reverse().ToList());
    }

    /// <inheritdoc/>
    public ValueTask<StoredBundle?> FindAsync(TenantId tenant, int version, CancellationToken cancellationToken)
    {
        lock (_lock)
            return new(Of(tenant).Select(v => v.Bundle).FirstOrDefault(b => b.Version == version));
    }

    /// <inheritdoc/>
    public ValueTask<StoredBundle?> FindAsync(
        TenantId tenant, BundleDigest digest, CancellationToken cancellationToken)
    {
        lock (_lock)
            return new(Of(tenant).Select(v => v.Bundle).LastOrDefault(b => b.Digest == digest));
    }

    /// <inheritdoc/>
    public ValueTask PutShadowAsync(StoredBundle bundle, BundleOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        lock (_lock)
            _shadows[bundle.Tenant] = new(bundle, origin);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredShadow>> ListShadowsAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
            return new(_shadows.Values.ToList());
    }

    /// <inheritdoc/>
    public ValueTask RemoveShadowAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        lock (_lock)
            _shadows.Remove(tenant);
        return default;
    }

    private List<(StoredBundle Bundle, BundleVersion Version)> Of(TenantId tenant) =>
        _versions.GetValueOrDefault(tenant) ?? [];
}
