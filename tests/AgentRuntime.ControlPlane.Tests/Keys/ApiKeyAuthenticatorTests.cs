using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.ControlPlane.Tests;

public sealed class ApiKeyAuthenticatorTests
{
    private readonly ManualTime _time = new();
    private readonly KeyTable _keys = new();
    private readonly ApiKeyAuthenticator _authenticator;
    private readonly IssuedApiKey _key;

    public ApiKeyAuthenticatorTests()
    {
        _authenticator = new ApiKeyAuthenticator(_keys, _time);
        _key = ApiKeys.Issue(_keys.Tenant.Id, _keys.Project.Id, _time);
        _keys.Key = _key.Record;
    }

    [Fact]
    public async Task A_valid_key_gives_its_tenant_project_and_principal()
    {
        var identity = await AuthenticateAsync(_key.Credential);
        Assert.Equal(
            new WorkIdentity(_keys.Tenant.Id, "acme", _keys.Project.Id, "demo", $"key:{_key.Record.Id}"), identity);
    }

    [Fact]
    public async Task A_wrong_secret_of_a_known_id_is_refused_also_when_the_key_is_remembered()
    {
        // A forger knows the public id and the checksum's algorithm, not the secret.
        var forged = ApiKeys.Issue(_keys.Tenant.Id, _keys.Project.Id, _time).Credential;
        var body = string.Concat(_key.Credential.AsSpan(0, 30), forged.AsSpan(30, 32));
        var checksum = new char[6];
        Base62.Write(Crc32.Of(System.Text.Encoding.ASCII.GetBytes(body)), checksum);
        var credential = body + new string(checksum);
        Assert.True(ApiKeys.TryReadId(credential, out var id));
        Assert.Equal(_key.Record.Id, id);

        Assert.Null(await AuthenticateAsync(credential));
        Assert.NotNull(await AuthenticateAsync(_key.Credential));
        Assert.Null(await AuthenticateAsync(credential));
    }

    [Fact]
    public async Task A_mistyped_key_never_reaches_the_store()
    {
        Assert.Null(await AuthenticateAsync(_key.Credential[..^1] + "!"));
        Assert.Equal(0, _keys.LookUps);
    }

    [Fact]
    public async Task An_unknown_key_is_refused_and_not_remembered()
    {
        var unknown = ApiKeys.Issue(_keys.Tenant.Id, _keys.Project.Id, _time);
        Assert.Null(await AuthenticateAsync(unknown.Credential));
        _keys.Key = unknown.Record;
        Assert.NotNull(await AuthenticateAsync(unknown.Credential));
    }

    [Fact]
    public async Task A_key_is_looked_up_once_in_its_cache_life()
    {
        for (var i = 0; i < 10; i++)
            Assert.NotNull(await AuthenticateAsync(_key.Credential));
        Assert.Equal(1, _keys.LookUps);
        _time.Advance(ApiKeyAuthenticator.CacheLife);
        Assert.NotNull(await AuthenticateAsync(_key.Credential));
        Assert.Equal(2, _keys.LookUps);
    }

    [Fact]
    public async Task A_key_revoked_elsewhere_stops_working_within_the_cache_life()
    {
        Assert.NotNull(await AuthenticateAsync(_key.Credential));
        _keys.Key = _key.Record with { RevokedAt = _time.GetUtcNow() };
        _time.Advance(ApiKeyAuthenticator.CacheLife);
        Assert.Null(await AuthenticateAsync(_key.Credential));
    }

    [Fact]
    public async Task A_key_revoked_here_stops_working_at_once()
    {
        Assert.NotNull(await AuthenticateAsync(_key.Credential));
        _keys.Key = _key.Record with { RevokedAt = _time.GetUtcNow() };
        _authenticator.Forget(_key.Record.Id);
        Assert.Null(await AuthenticateAsync(_key.Credential));
    }

    [Fact]
    public async Task A_clock_that_steps_back_brings_no_revoked_key_back()
    {
        _keys.Key = _key.Record with { RevokedAt = _time.GetUtcNow().AddHours(1) };
        Assert.Null(await AuthenticateAsync(_key.Credential));
    }

    private ValueTask<WorkIdentity?> AuthenticateAsync(string credential) =>
        _authenticator.AuthenticateAsync(credential, CancellationToken.None);

    /// <summary>A table with at most one key, which counts its look-ups.</summary>
    private sealed class KeyTable : ITenantStore
    {
        public KeyTable()
        {
            Tenant = new(TenantId.New(TimeProvider.System), "acme", default);
            Project = new(ProjectId.New(TimeProvider.System), Tenant.Id, "demo", default);
        }

        public TenantRecord Tenant { get; }

        public ProjectRecord Project { get; }

        public ApiKeyRecord? Key { get; set; }

        public int LookUps { get; private set; }

        public ValueTask<ApiKeyOwner?> FindKeyAsync(ApiKeyId id, CancellationToken cancellationToken)
        {
            LookUps++;
            return ValueTask.FromResult(Key?.Id == id ? new ApiKeyOwner(Key, Tenant, Project) : null);
        }

        public ValueTask<TenantRecord> EnsureTenantAsync(string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<ProjectRecord> EnsureProjectAsync(
            TenantId tenant, string name, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask AddKeyAsync(ApiKeyRecord key, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<bool> RevokeKeyAsync(TenantId tenant, ApiKeyId id, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
