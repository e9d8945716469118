namespace AgentRuntime.Abstractions;

/// <summary>
/// Keeps every tenant's bundles across restarts: the one in force, a bounded number of those before it, and the one in
/// shadow. What is kept is never changed; a tenant's versions are numbered from 1 without gaps. Thread-safe. Failures
/// are AR8002.
/// </summary>
public interface IBundleStore
{
    /// <summary>
    /// Versions of a tenant that are kept; older ones go when a new one comes. Runs that began under one that has gone
    /// cannot be continued after a restart.
    /// </summary>
    const int MaxVersions = 50;

    /// <summary>
    /// Keeps a bundle as the tenant's next version, which is in force from now on: all of it or nothing, in one
    /// transaction.
    /// </summary>
    ValueTask<BundleVersion> PutAsync(StoredBundle bundle, BundleOrigin origin, CancellationToken cancellationToken);

    /// <summary>Every tenant's bundle in force.</summary>
    ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken);

    /// <summary>A tenant's versions, newest first: the first one is in force.</summary>
    ValueTask<IReadOnlyList<BundleVersion>> HistoryAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>A version's bundle; null when it is not kept.</summary>
    ValueTask<StoredBundle?> FindAsync(TenantId tenant, int version, CancellationToken cancellationToken);

    /// <summary>A bundle of a tenant by its content; null when it is not kept.</summary>
    ValueTask<StoredBundle?> FindAsync(TenantId tenant, BundleDigest digest, CancellationToken cancellationToken);

    /// <summary>Keeps a bundle as the tenant's shadow, in place of the one before.</summary>
    ValueTask PutShadowAsync(StoredBundle bundle, BundleOrigin origin, CancellationToken cancellationToken);

    /// <summary>Every tenant's shadow, with who began it.</summary>
    ValueTask<IReadOnlyList<StoredShadow>> ListShadowsAsync(CancellationToken cancellationToken);

    /// <summary>Ends a tenant's shadow; nothing when it has none.</summary>
    ValueTask RemoveShadowAsync(TenantId tenant, CancellationToken cancellationToken);
}

/// <summary>A kept bundle. Immutable.</summary>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Digest">Its content address.</param>
/// <param name="Files">Text of its files by relative path with forward slashes.</param>
public sealed record StoredBundle(TenantId Tenant, BundleDigest Digest, IReadOnlyDictionary<string, string> Files)
{
    /// <summary>The version that it has, from 1; 0 when it has none.</summary>
    public int Version { get; init; }
}

/// <summary>Where a version comes from. Immutable.</summary>
/// <param name="At">When it was made.</param>
/// <param name="Principal">Who made it: <c>key:key_…</c>, or <c>platform</c>.</param>
/// <param name="Cause">Why: <c>apply</c>, <c>rollback to 3</c>, <c>shadow</c>.</param>
public sealed record BundleOrigin(DateTimeOffset At, string Principal, string Cause);

/// <summary>One version of a tenant's bundle. Immutable.</summary>
public sealed record BundleVersion(int Version, BundleDigest Digest, BundleOrigin Origin);

/// <summary>A bundle that decides beside the one in force. Immutable.</summary>
public sealed record StoredShadow(StoredBundle Bundle, BundleOrigin Origin);
