using System.Collections.Immutable;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Holds every tenant's bundle in force and changes it. Reads take one look at an immutable map; changes are made one
/// after the other, first in the store and then in the map, so that what decides is never more than what is kept.
/// Thread-safe.
/// </summary>
public sealed class PolicyDecisionPoint : IPolicyDecisionPoint, IPolicyAdministration, IDisposable
{
    private readonly IBundleStore _store;
    private readonly PolicyOptions _options;
    private readonly SemaphoreSlim _changing = new(1, 1);
    private ImmutableDictionary<TenantId, BundleSnapshot> _inForce =
        ImmutableDictionary<TenantId, BundleSnapshot>.Empty;

    private ImmutableDictionary<TenantId, BundleSnapshot> _inShadow =
        ImmutableDictionary<TenantId, BundleSnapshot>.Empty;

    /// <summary>
    /// Decides nothing until <see cref="LoadAsync"/> has read the store: until then no tenant has a bundle.
    /// </summary>
    public PolicyDecisionPoint(IBundleStore store, TimeProvider time, PolicyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(time);
        _store = store;
        _options = options ?? new();
    }

    /// <summary>
    /// Puts every kept bundle in force, once at start. A bundle that does not validate any more, or is not what its
    /// digest says, is left out, and its tenant may do nothing.
    /// </summary>
    /// <returns>What is wrong with bundles that were left out; empty when all are in force.</returns>
    public async Task<IReadOnlyList<RuntimeError>> LoadAsync(CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            var wrong = new List<RuntimeError>();
            var loaded = _inForce.ToBuilder();
            foreach (var stored in await _store.ListAsync(cancellationToken))
            {
                var problems = new Problems();
                var compiled = BundleCompiler.Compile(stored.Files, _options, problems);
                if (compiled is not null && compiled.Digest != stored.Digest)
                    problems.Add(
                        default,
                        $"the kept bundle {stored.Digest} has another content: {compiled.Digest}",
                        "apply it again");
                if (problems.Any)
                    wrong.AddRange(
                        problems.ToList().Select(p => p with { Message = $"bundle of {stored.Tenant}: {p.Message}" }));
                else
                    loaded[stored.Tenant] = new(compiled!, _options);
            }

            Volatile.Write(ref _inForce, loaded.ToImmutable());
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
            ? new ShadowedSnapshot(enforced, shadow, _options.ShadowLog!)
            : enforced;
    }

    /// <inheritdoc/>
    public async ValueTask<ApplyOutcome> ApplyAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (tenant == default)
            throw new ArgumentException("a bundle belongs to a tenant", nameof(tenant));

        // A copy: what is compiled, kept and digested is one and the same, whatever the caller does with its own.
        var kept = files.ToImmutableDictionary(StringComparer.Ordinal);
        var (compiled, refusal) = Compile(kept);
        if (compiled is null)
            return refusal;

        await _changing.WaitAsync(cancellationToken);
        try
        {
            await _store.PutAsync(tenant, compiled.Digest, kept, cancellationToken);
            Volatile.Write(ref _inForce, _inForce.SetItem(tenant, new(compiled, _options)));
        }
        finally
        {
            _changing.Release();
        }

        return new(compiled.Digest, []);
    }

    /// <summary>
    /// Lets a bundle decide beside the one in force without enforcing it, from the next run on and until the process
    /// ends or <see cref="EndShadow"/>. What it decides goes to <see cref="PolicyOptions.ShadowLog"/>.
    /// </summary>
    /// <returns>What is wrong with it; empty when it decides in shadow.</returns>
    /// <exception cref="InvalidOperationException">There is no shadow log.</exception>
    public ApplyOutcome BeginShadow(TenantId tenant, IReadOnlyDictionary<string, string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (_options.ShadowLog is null)
            throw new InvalidOperationException("there is no shadow log that would hear the decisions");
        var (compiled, refusal) = Compile(files.ToImmutableDictionary(StringComparer.Ordinal));
        if (compiled is null)
            return refusal;
        var candidate = new BundleSnapshot(compiled, _options);
        ImmutableInterlocked.AddOrUpdate(
            ref _inShadow, tenant, candidate, (_, _) => candidate);
        return new(compiled.Digest, []);
    }

    /// <summary>Ends a tenant's shadow; runs that began under it keep it.</summary>
    public void EndShadow(TenantId tenant) => ImmutableInterlocked.TryRemove(ref _inShadow, tenant, out _);

    /// <inheritdoc/>
    public ApplyOutcome Validate(TenantId tenant, IReadOnlyDictionary<string, string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var (compiled, refusal) = Compile(files.ToImmutableDictionary(StringComparer.Ordinal));
        return compiled is null ? refusal : new(compiled.Digest, []);
    }

    /// <inheritdoc/>
    public void Dispose() => _changing.Dispose();

    private (CompiledBundle? Compiled, ApplyOutcome Refusal) Compile(ImmutableDictionary<string, string> files)
    {
        var problems = new Problems();
        var compiled = BundleCompiler.Compile(files, _options, problems);
        return (compiled, new(problems.Unreadable ? null : BundleFiles.Digest(files), problems.ToList()));
    }
}
