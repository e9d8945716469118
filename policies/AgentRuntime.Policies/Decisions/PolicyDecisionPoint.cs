using System.Collections.Immutable;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Holds every tenant's bundle in force and changes it. Reads take one look at an immutable map; changes are made one
/// after the other, first in the store and then in the map, so that what decides is never more than what is kept.
/// Thread-safe.
/// </summary>
public sealed partial class PolicyDecisionPoint
    : IPolicyDecisionPoint, IPolicyAdministration, IPolicyVersions, IDisposable
{
    private readonly IBundleStore _store;
    private readonly IAuditLog? _audit;
    private readonly TimeProvider _time;
    private readonly PolicyOptions _options;
    private readonly SemaphoreSlim _changing = new(1, 1); // nothing is compiled within, other than at start
    private readonly EarlierBundles _earlier;
    private readonly ThreatMonitor _threats;
    private ImmutableDictionary<TenantId, BundleSnapshot> _inForce =
        ImmutableDictionary<TenantId, BundleSnapshot>.Empty;

    private ImmutableDictionary<TenantId, BundleSnapshot> _inShadow =
        ImmutableDictionary<TenantId, BundleSnapshot>.Empty;

    /// <summary>
    /// Decides nothing until <see cref="LoadAsync"/> has read the store: until then no tenant has a bundle.
    /// </summary>
    /// <param name="store">Keeps the bundles.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">The operator's options; null for the defaults.</param>
    /// <param name="audit">Hears of every change of a bundle; null for nobody.</param>
    public PolicyDecisionPoint(
        IBundleStore store, TimeProvider time, PolicyOptions? options = null, IAuditLog? audit = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(time);
        _store = store;
        _audit = audit;
        _time = time;
        _options = options ?? new();
        _threats = new(audit);
        _earlier = new(store, _options, _threats);
    }

    /// <summary>Where tenants' bundles are compiled, and questions about them are worked on.</summary>
    internal WorkPlaces Places { get; } = new();

    /// <summary>
    /// Puts every kept bundle in force, at start and whenever others may have changed the store. One that is above what
    /// the operator grants by now gives what is granted. A bundle that does not validate any more, or is not what its
    /// digest says, is left out, and no other is for that: its tenant keeps the one before, and after a start may do
    /// nothing.
    /// </summary>
    /// <returns>What is wrong with bundles that were left out; empty when all are in force.</returns>
    public async Task<IReadOnlyList<RuntimeError>> LoadAsync(CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            var wrong = new List<RuntimeError>();
            var shadows = await _store.ListShadowsAsync(cancellationToken);
            var kept = await _store.ListAsync(cancellationToken);
            var loaded = Load(
                kept, _inForce, b => new(b, _options, _threats), "bundle", wrong, cancellationToken);
            var shadowed = Load(
                shadows.Select(s => s.Bundle), _inShadow, b => new(b, _options), "shadow", wrong, cancellationToken);
            foreach (var bundle in kept)
                await RestoreThreatsAsync(bundle.Tenant, cancellationToken);
            Volatile.Write(ref _inForce, loaded);
            Volatile.Write(ref _inShadow, shadowed);
            return wrong;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <inheritdoc/>
    public IPolicySnapshot? Current(TenantId tenant)
    {
        var enforced = Volatile.Read(ref _inForce).GetValueOrDefault(tenant);
        return enforced is not null && Volatile.Read(ref _inShadow).TryGetValue(tenant, out var shadow)
            ? new ShadowedSnapshot(enforced, shadow)
            : enforced;
    }

    /// <inheritdoc/>
    public async ValueTask<IPolicySnapshot?> FindAsync(
        TenantId tenant, BundleDigest digest, CancellationToken cancellationToken) =>
        Current(tenant) is { } current && current.Digest == digest
            ? current
            : await _earlier.FindAsync(tenant, digest, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ApplyOutcome> ValidateAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        var (compiled, refusal) = await CompileAsync(
            tenant, files.ToImmutableDictionary(StringComparer.Ordinal), cancellationToken);
        return compiled is null ? refusal : new(compiled.Digest, []);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _changing.Dispose();
        Places.Dispose();
    }

    private ImmutableDictionary<TenantId, BundleSnapshot> Load(
        IEnumerable<StoredBundle> kept,
        ImmutableDictionary<TenantId, BundleSnapshot> before,
        Func<CompiledBundle, BundleSnapshot> make,
        string what,
        List<RuntimeError> wrong,
        CancellationToken cancellationToken)
    {
        var loaded = ImmutableDictionary.CreateBuilder<TenantId, BundleSnapshot>();
        foreach (var stored in kept)
        {
            var known = before.GetValueOrDefault(stored.Tenant);
            if (known?.Digest == stored.Digest)
            {
                loaded[stored.Tenant] = known;
                continue;
            }

            var problems = new Problems();
            var compiled = BundleCompiler.Compile(stored.Files, _options.ForKept(), problems, cancellationToken);
            if (compiled is not null && compiled.Digest != stored.Digest)
                problems.Add(
                    default,
                    $"the kept bundle {stored.Digest} has another content: {compiled.Digest}",
                    "apply it again");
            if (!problems.Any)
            {
                loaded[stored.Tenant] = make(compiled!);
                continue;
            }

            wrong.AddRange(
                problems.ToList().Select(p => p with { Message = $"{what} of {stored.Tenant}: {p.Message}" }));
            if (known is not null)
                loaded[stored.Tenant] = known;
        }

        return loaded.ToImmutable();
    }

    private async Task RestoreThreatsAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        if (_audit is not null)
            _threats.Restore(tenant, await _audit.ReadHoldsAsync(tenant, cancellationToken), _time.GetUtcNow());
    }

    private ValueTask<(CompiledBundle? Compiled, ApplyOutcome Refusal)> CompileAsync(
        TenantId tenant, ImmutableDictionary<string, string> files, CancellationToken cancellationToken) =>
        Places.DoAsync(
            tenant,
            () =>
            {
                var problems = new Problems();
                var compiled = BundleCompiler.Compile(files, _options, problems, cancellationToken);
                var digest = problems.Unreadable ? (BundleDigest?)null : BundleFiles.Digest(files);
                return (compiled, new ApplyOutcome(digest, problems.ToList()));
            },
            cancellationToken);
}
