using System.Collections.Immutable;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <content>Changes of what is in force and in shadow.</content>
public sealed partial class PolicyDecisionPoint
{
    private const string Platform = "platform";

    /// <inheritdoc/>
    public ValueTask<ApplyOutcome> ApplyAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        ApplyAsync(tenant, Platform, files, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ApplyOutcome> ApplyAsync(
        WorkIdentity caller, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return ApplyAsync(caller.Tenant, caller.Principal, files, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<ApplyOutcome> RollbackAsync(
        WorkIdentity caller, int? version, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        while (true)
        {
            var target = version ?? await FindEarlierAsync(caller.Tenant, cancellationToken);
            var kept = await _store.FindAsync(caller.Tenant, target, cancellationToken)
                ?? throw Unknown($"there is no version {target}");

            // What was valid once need not be: the operator's ceiling may be lower now.
            var files = kept.Files.ToImmutableDictionary(StringComparer.Ordinal);
            var (compiled, refusal) = await CompileAsync(caller.Tenant, files, cancellationToken);
            if (compiled is null)
                return refusal;
            await _changing.WaitAsync(cancellationToken);
            try
            {
                // Another change may have come first, and then what was before is something else.
                if (version is null && target != await FindEarlierAsync(caller.Tenant, cancellationToken))
                    continue;
                return await PutInForceAsync(
                    new(caller.Tenant, compiled.Digest, files),
                    compiled,
                    caller.Principal,
                    $"rollback to {target}",
                    cancellationToken);
            }
            finally
            {
                _changing.Release();
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<BundleVersion>> HistoryAsync(
        TenantId tenant, CancellationToken cancellationToken) =>
        _store.HistoryAsync(tenant, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ApplyOutcome> BeginShadowAsync(
        WorkIdentity caller, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(files);
        var kept = files.ToImmutableDictionary(StringComparer.Ordinal);
        var (compiled, refusal) = await CompileAsync(caller.Tenant, kept, cancellationToken);
        if (compiled is null)
            return refusal;
        await _changing.WaitAsync(cancellationToken);
        try
        {
            var origin = new BundleOrigin(_time.GetUtcNow(), caller.Principal, "shadow");
            await _store.PutShadowAsync(new(caller.Tenant, compiled.Digest, kept), origin, cancellationToken);
            Volatile.Write(ref _inShadow, _inShadow.SetItem(caller.Tenant, new(compiled, _options)));
            Tell(caller.Tenant, new("shadow", caller.Principal, compiled.Digest.ToString()));
        }
        finally
        {
            _changing.Release();
        }

        return new(compiled.Digest, []);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> EndShadowAsync(WorkIdentity caller, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        await _changing.WaitAsync(cancellationToken);
        try
        {
            await _store.RemoveShadowAsync(caller.Tenant, cancellationToken);
            if (!_inShadow.TryGetValue(caller.Tenant, out var shadow))
                return false;
            Volatile.Write(ref _inShadow, _inShadow.Remove(caller.Tenant));
            Tell(caller.Tenant, new("shadow ended", caller.Principal, shadow.Digest.ToString()));
            return true;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>What threat rules hold against a tenant's agents now.</summary>
    internal IReadOnlyList<(string Agent, ThreatHold Hold)> Threats(TenantId tenant) =>
        _threats.Holds(tenant, _time.GetUtcNow());

    /// <summary>Ends what they hold against an agent; false when that is nothing.</summary>
    internal bool LiftThreats(WorkIdentity caller, string agent) => _threats.Lift(caller, agent, _time.GetUtcNow());

    /// <summary>A bundle that the tenant has or had in force, without a shadow; null when it is not kept.</summary>
    internal async ValueTask<BundleSnapshot?> FindSnapshotAsync(
        TenantId tenant, BundleDigest digest, CancellationToken cancellationToken) =>
        Volatile.Read(ref _inForce).GetValueOrDefault(tenant) is { } current && current.Digest == digest
            ? current
            : await _earlier.FindAsync(tenant, digest, cancellationToken);

    /// <summary>The tenant's bundle in force, without a shadow; null when there is none.</summary>
    internal BundleSnapshot? Enforced(TenantId tenant) => Volatile.Read(ref _inForce).GetValueOrDefault(tenant);

    private async ValueTask<ApplyOutcome> ApplyAsync(
        TenantId tenant,
        string principal,
        IReadOnlyDictionary<string, string> files,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (tenant == default)
            throw new ArgumentException("a bundle belongs to a tenant", nameof(tenant));

        // A copy: what is compiled, kept and digested is one and the same, whatever the caller does with its own.
        var kept = files.ToImmutableDictionary(StringComparer.Ordinal);
        var (compiled, refusal) = await CompileAsync(tenant, kept, cancellationToken);
        if (compiled is null)
            return refusal;

        await _changing.WaitAsync(cancellationToken);
        try
        {
            return await PutInForceAsync(
                new(tenant, compiled.Digest, kept), compiled, principal, "apply", cancellationToken);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>The newest version with another content than what is in force.</summary>
    private async ValueTask<int> FindEarlierAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var history = await _store.HistoryAsync(tenant, cancellationToken);
        return history.Skip(1).FirstOrDefault(v => v.Digest != history[0].Digest)?.Version
            ?? throw Unknown(history.Count == 0 ? "the tenant has no bundle" : "there is no earlier version");
    }

    // The change must be under way.
    private async ValueTask<ApplyOutcome> PutInForceAsync(
        StoredBundle bundle,
        CompiledBundle compiled,
        string principal,
        string cause,
        CancellationToken cancellationToken)
    {
        var origin = new BundleOrigin(_time.GetUtcNow(), principal, cause);
        var version = await _store.PutAsync(bundle, origin, cancellationToken);
        Volatile.Write(ref _inForce, _inForce.SetItem(bundle.Tenant, new(compiled, _options, _threats)));
        Tell(bundle.Tenant, new(cause, principal, bundle.Digest.ToString(), version.Version));
        return new(bundle.Digest, []) { Version = version.Version };
    }

    // The store has the change, so an audit log that is full loses nothing that is nowhere else.
    private void Tell(TenantId tenant, PolicyChanged change) =>
        _audit?.TryAppend(new(tenant, _time.GetUtcNow(), change));

    private static RuntimeErrorException Unknown(string message) =>
        new(new(
            ReasonCodes.UnknownBundleVersion,
            message,
            "version",
            "'agentctl policy history' lists those that are kept."));
}
