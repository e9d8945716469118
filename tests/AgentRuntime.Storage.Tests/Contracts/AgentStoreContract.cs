using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every <see cref="IAgentStore"/> does, whatever stands behind it.</summary>
public abstract class AgentStoreContract : IAsyncLifetime
{
    private readonly CancellationToken _ct = CancellationToken.None;

    protected abstract ITenantStore Tenants { get; }

    protected abstract IAgentStore Agents { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task A_second_deployment_is_the_next_version_of_the_same_agent()
    {
        var project = await ProjectAsync("acme");
        var first = await DeployAsync(project, "triage", [1]);
        var second = await DeployAsync(project, "triage", [2]);
        Assert.Equal((1, 2), (first.Version, second.Version));
        Assert.Equal(first.Id, second.Id);
        Assert.Equal(ModuleDigest.Of([2]), second.Module);
        Assert.Equal("demo/triage", second.QualifiedName);
        Assert.Equal(second, await Agents.FindAsync(project.Tenant, "demo", "triage", _ct));
    }

    [Fact]
    public async Task Modules_of_all_versions_stay_readable()
    {
        var project = await ProjectAsync("acme");
        await DeployAsync(project, "triage", [1]);
        await DeployAsync(project, "triage", [2, 3]);
        Assert.Equal([1], (await Agents.ReadModuleAsync(ModuleDigest.Of([1]), _ct))!.Value.ToArray());
        Assert.Equal([2, 3], (await Agents.ReadModuleAsync(ModuleDigest.Of([2, 3]), _ct))!.Value.ToArray());
        Assert.Null(await Agents.ReadModuleAsync(ModuleDigest.Of([9]), _ct));
    }

    [Fact]
    public async Task An_agent_is_invisible_to_other_tenants()
    {
        var mine = await ProjectAsync("acme");
        var theirs = await ProjectAsync("other");
        await DeployAsync(mine, "triage", [1]);
        Assert.Null(await Agents.FindAsync(theirs.Tenant, "demo", "triage", _ct));
        Assert.Empty(await Agents.ListAsync(theirs.Tenant, _ct));
    }

    [Fact]
    public async Task A_tenant_cannot_deploy_into_another_tenants_project()
    {
        var mine = await ProjectAsync("acme");
        var theirs = await ProjectAsync("other");
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(async () => await Agents.DeployAsync(
            new AgentDeployment(mine.Tenant, theirs.Id, "intruder", new byte[] { 1 }), _ct));
        Assert.Equal(ReasonCodes.NotFound, e.Error.Code);
        Assert.Empty(await Agents.ListAsync(theirs.Tenant, _ct));
    }

    [Fact]
    public async Task Agents_are_listed_by_name()
    {
        var project = await ProjectAsync("acme");
        foreach (var name in new[] { "zeta", "alpha", "mid" })
            await DeployAsync(project, name, [1]);
        Assert.Equal(["alpha", "mid", "zeta"], (await Agents.ListAsync(project.Tenant, _ct)).Select(a => a.Name));
    }

    private async Task<ProjectRecord> ProjectAsync(string tenant) => await Tenants.EnsureProjectAsync(
        (await Tenants.EnsureTenantAsync(tenant, _ct)).Id, "demo", _ct);

    private ValueTask<AgentRecord> DeployAsync(ProjectRecord project, string name, byte[] wasm) =>
        Agents.DeployAsync(new AgentDeployment(project.Tenant, project.Id, name, wasm), _ct);
}
