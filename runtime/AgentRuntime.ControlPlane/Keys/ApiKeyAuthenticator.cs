using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// Authenticates by API key. A key's record is remembered for <see cref="CacheLife"/>, so a revocation made by another
/// process is in force after that time at the latest; one made here is in force at once through
/// <see cref="Forget"/>. The secret is compared on every call, remembered or not; unknown ids are never remembered.
/// Thread-safe.
/// </summary>
public sealed class ApiKeyAuthenticator(ITenantStore tenants, TimeProvider time) : IAuthenticator
{
    /// <summary>How long a key's record is remembered: the longest that a revoked key still works.</summary>
    public static readonly TimeSpan CacheLife = TimeSpan.FromSeconds(2);

    private const int MaxRemembered = 1_024;

    /// <summary>Compared with when there is no such key, so that its absence takes as long as a wrong secret.</summary>
    private static readonly byte[] NoKey = new byte[32];

    private readonly Lock _lock = new();
    private readonly Dictionary<ApiKeyId, Remembered> _remembered = [];

    /// <inheritdoc/>
    public async ValueTask<WorkIdentity?> AuthenticateAsync(string credential, CancellationToken cancellationToken)
    {
        if (!ApiKeys.TryReadId(credential, out var id))
            return null;
        var known = Recall(id);
        if (known is null && await tenants.FindKeyAsync(id, cancellationToken).ConfigureAwait(false) is { } owner)
            known = Remember(owner);
        var key = known?.Key ?? new ApiKeyRecord(id, default, default, NoKey, default);

        // A key is revoked from then on, also where the clock stands before that again.
        return ApiKeys.Matches(key, credential) && known is { Key.RevokedAt: null } ? known.Identity : null;
    }

    /// <summary>Looks the key up again at its next use: call it after revoking a key.</summary>
    public void Forget(ApiKeyId id)
    {
        lock (_lock)
            _remembered.Remove(id);
    }

    private Remembered? Recall(ApiKeyId id)
    {
        lock (_lock)
            return _remembered.TryGetValue(id, out var entry) && time.GetElapsedTime(entry.Since) < CacheLife
                ? entry
                : null;
    }

    private Remembered Remember(ApiKeyOwner owner)
    {
        var identity = new WorkIdentity(
            owner.Tenant.Id, owner.Tenant.Name, owner.Project.Id, owner.Project.Name, $"key:{owner.Key.Id}");
        var entry = new Remembered(owner.Key, identity, time.GetTimestamp());
        lock (_lock)
        {
            // Entries live for two seconds; starting afresh is cheaper than keeping an order of use.
            if (_remembered.Count >= MaxRemembered)
                _remembered.Clear();
            _remembered[owner.Key.Id] = entry;
        }

        return entry;
    }

    /// <summary>A key, and who calls with it: the same for every call, so that a call makes nothing.</summary>
    private sealed record Remembered(ApiKeyRecord Key, WorkIdentity Identity, long Since);
}
