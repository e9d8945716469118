namespace AgentRuntime.Abstractions;

/// <summary>Tenants, their projects and their keys. Thread-safe.</summary>
public interface ITenantStore
{
    /// <summary>Creates a tenant, or returns the one of that name.</summary>
    ValueTask<TenantRecord> EnsureTenantAsync(string name, CancellationToken cancellationToken);

    /// <summary>Creates a project of a tenant, or returns the one of that name.</summary>
    ValueTask<ProjectRecord> EnsureProjectAsync(TenantId tenant, string name, CancellationToken cancellationToken);

    /// <summary>Stores a new key.</summary>
    ValueTask AddKeyAsync(ApiKeyRecord key, CancellationToken cancellationToken);

    /// <summary>The key with its tenant and project; null when there is none of that id.</summary>
    ValueTask<ApiKeyOwner?> FindKeyAsync(ApiKeyId id, CancellationToken cancellationToken);

    /// <summary>Revokes a key from now on; false when the tenant has none of that id.</summary>
    ValueTask<bool> RevokeKeyAsync(TenantId tenant, ApiKeyId id, CancellationToken cancellationToken);
}

/// <summary>A tenant. Immutable.</summary>
public sealed record TenantRecord(TenantId Id, string Name, DateTimeOffset CreatedAt);

/// <summary>A project. Immutable.</summary>
public sealed record ProjectRecord(ProjectId Id, TenantId Tenant, string Name, DateTimeOffset CreatedAt);

/// <summary>An API key as it is stored: the secret only as a hash. Immutable.</summary>
/// <param name="Id">The public id.</param>
/// <param name="Tenant">The tenant.</param>
/// <param name="Project">The project that the key works in.</param>
/// <param name="SecretHash">
/// SHA-256 of the whole secret: it has more than 170 bits of entropy, so no slow hash is needed.
/// </param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="RevokedAt">When it was revoked; null while it is live.</param>
public sealed record ApiKeyRecord(
    ApiKeyId Id,
    TenantId Tenant,
    ProjectId Project,
    ReadOnlyMemory<byte> SecretHash,
    DateTimeOffset CreatedAt,
    DateTimeOffset? RevokedAt = null);

/// <summary>A key and whom it belongs to. Immutable.</summary>
public sealed record ApiKeyOwner(ApiKeyRecord Key, TenantRecord Tenant, ProjectRecord Project);

/// <summary>Turns a presented credential into an identity. Thread-safe.</summary>
public interface IAuthenticator
{
    /// <summary>
    /// The identity behind a bearer credential; null when it is unknown, malformed or revoked. Takes the same time
    /// whichever byte of a secret is wrong.
    /// </summary>
    ValueTask<WorkIdentity?> AuthenticateAsync(string credential, CancellationToken cancellationToken);
}
