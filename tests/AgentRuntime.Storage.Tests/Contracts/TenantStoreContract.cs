using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every <see cref="ITenantStore"/> does, whatever stands behind it.</summary>
public abstract class TenantStoreContract : IAsyncLifetime
{
    private readonly CancellationToken _ct = CancellationToken.None;

    protected abstract ITenantStore Tenants { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task A_tenant_of_a_name_is_made_once_also_under_concurrency()
    {
        var all = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => Tenants.EnsureTenantAsync("acme", _ct).AsTask()));
        Assert.Single(all.Distinct());
        Assert.NotEqual(all[0].Id, (await Tenants.EnsureTenantAsync("other", _ct)).Id);
    }

    [Fact]
    public async Task Two_tenants_may_have_projects_of_the_same_name()
    {
        var (a, b) = (await Tenants.EnsureTenantAsync("a", _ct), await Tenants.EnsureTenantAsync("b", _ct));
        var first = await Tenants.EnsureProjectAsync(a.Id, "demo", _ct);
        Assert.Equal(first, await Tenants.EnsureProjectAsync(a.Id, "demo", _ct));
        Assert.NotEqual(first.Id, (await Tenants.EnsureProjectAsync(b.Id, "demo", _ct)).Id);
    }

    [Fact]
    public async Task A_project_of_an_unknown_tenant_is_a_storage_error()
    {
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await Tenants.EnsureProjectAsync(Given.Tenant(9), "demo", _ct));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
    }

    [Fact]
    public async Task A_key_is_found_with_its_tenant_and_project()
    {
        var (tenant, project, key) = await KeyAsync();
        var owner = await Tenants.FindKeyAsync(key.Id, _ct);
        Assert.NotNull(owner);
        Assert.Equal((tenant, project), (owner.Tenant, owner.Project));
        Assert.Equal(key.SecretHash.ToArray(), owner.Key.SecretHash.ToArray());
        Assert.Equal((key.CreatedAt, null), (owner.Key.CreatedAt, owner.Key.RevokedAt));
        Assert.Null(await Tenants.FindKeyAsync(ApiKeyId.New(TimeProvider.System), _ct));
    }

    [Fact]
    public async Task A_key_is_revoked_only_by_its_own_tenant_and_stays_revoked()
    {
        var (tenant, _, key) = await KeyAsync();
        var other = await Tenants.EnsureTenantAsync("other", _ct);
        Assert.False(await Tenants.RevokeKeyAsync(other.Id, key.Id, _ct));
        Assert.Null((await Tenants.FindKeyAsync(key.Id, _ct))!.Key.RevokedAt);
        Assert.True(await Tenants.RevokeKeyAsync(tenant.Id, key.Id, _ct));
        var revoked = (await Tenants.FindKeyAsync(key.Id, _ct))!.Key.RevokedAt;
        Assert.NotNull(revoked);
        Assert.True(await Tenants.RevokeKeyAsync(tenant.Id, key.Id, _ct));
        Assert.Equal(revoked, (await Tenants.FindKeyAsync(key.Id, _ct))!.Key.RevokedAt);
    }

    private async Task<(TenantRecord, ProjectRecord, ApiKeyRecord)> KeyAsync()
    {
        var tenant = await Tenants.EnsureTenantAsync("acme", _ct);
        var project = await Tenants.EnsureProjectAsync(tenant.Id, "demo", _ct);
        var key = new ApiKeyRecord(
            ApiKeyId.New(TimeProvider.System), tenant.Id, project.Id, new byte[] { 1, 2, 3 }, tenant.CreatedAt);
        await Tenants.AddKeyAsync(key, _ct);
        return (tenant, project, key);
    }
}
