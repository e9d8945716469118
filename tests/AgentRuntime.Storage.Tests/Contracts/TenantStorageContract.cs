using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every store lets a tenant keep, and no more.</summary>
public abstract class TenantStorageContract : IAsyncLifetime
{
    private static readonly CancellationToken Ct = CancellationToken.None;
    private static readonly DateTimeOffset Noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly ByteCount AllRoom = new(long.MaxValue);

    protected abstract ITenantStore Tenants { get; }

    protected abstract IRunJournal Journal { get; }

    protected abstract ITenantStorage Storage { get; }

    protected abstract IAgentStore AgentsWithin(StorageLimits limits);

    protected abstract IMemoryStore MemoryWithin(StorageLimits limits);

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task What_a_tenant_keeps_is_told()
    {
        var (tenant, use) = await Kept.FillAsync(Tenants, AgentsWithin(new()), Journal, Storage);
        await SetAsync(MemoryWithin(new()), tenant, "notes", "key", "value");

        Assert.Equal((1, 2L), (use.Agents, use.EndedRuns));
        Assert.Equal((4 << 10) + 9_000, use.Modules.Value);

        // Input, output, 500 letters and the event that says how it ended, with a little for each row.
        Assert.InRange(use.Runs.Value, 2 * 1_100, 2 * 1_500);
        Assert.Equal(
            [new BucketUse("notes", 1, new(8))], (await Storage.UseAsync(tenant, Ct)).Buckets);
        Assert.Equal(0, (await Storage.UseAsync(Given.Tenant(2), Ct)).Modules.Value);
    }

    [Fact]
    public async Task Of_runs_that_have_no_room_the_ones_that_ended_first_go_and_no_other_tenants()
    {
        var (mine, theirs) = (Given.Tenant(1), Given.Tenant(2));
        var under = await Kept.BegunAsync(Journal, mine);
        var runs = new List<RunRecord>();
        foreach (var minute in new[] { 2, 0, 1 })
            runs.Add(await Kept.EndedAsync(Journal, mine, Noon.AddMinutes(minute), 10_000));
        var other = await Kept.EndedAsync(Journal, theirs, Noon.AddMinutes(-1), 10_000);
        var one = (await Storage.UseAsync(theirs, Ct)).Runs.Value;

        Assert.Equal(2, await ForgetAsync(new(one + 100), null));

        Assert.Equal("+--", await AreThereAsync(runs));
        Assert.Equal("++", await AreThereAsync(under, other));
        Assert.Empty(await Journal.ReadAsync(Given.Id(runs[1]), 0, 10, Ct));
        Assert.NotEmpty(await Journal.ReadAsync(Given.Id(runs[0]), 0, 10, Ct));
        Assert.Equal((1L, one), await RunsOfAsync(mine));
    }

    [Fact]
    public async Task Runs_that_ended_before_a_time_go_though_there_is_room()
    {
        var tenant = Given.Tenant(1);
        var under = await Kept.BegunAsync(Journal, tenant);
        var old = await Kept.EndedAsync(Journal, tenant, Noon);
        var young = await Kept.EndedAsync(Journal, tenant, Noon.AddMinutes(1));

        Assert.Equal(0, await ForgetAsync(AllRoom, Noon));
        Assert.Equal(1, await ForgetAsync(AllRoom, Noon.AddMinutes(1)));

        Assert.Equal("+-+", await AreThereAsync(under, old, young));
    }

    [Fact]
    public async Task Many_runs_go_in_pieces()
    {
        var tenant = Given.Tenant(1);
        for (var i = 0; i < 300; i++) await Kept.EndedAsync(Journal, tenant, Noon);
        Assert.Equal(256, await Storage.ForgetRunsAsync(new(0), null, Ct));
        Assert.Equal(44, await Storage.ForgetRunsAsync(new(0), null, Ct));
        Assert.Equal(0, await Storage.ForgetRunsAsync(new(0), null, Ct));
    }

    [Fact]
    public async Task The_oldest_replaced_modules_make_room_but_for_those_that_are_needed()
    {
        var agents = AgentsWithin(new() { MaxModules = new(50_000) });
        var project = await ProjectAsync("acme");
        var other = await ProjectAsync("other");
        byte[][] versions = [.. Enumerable.Range(1, 6).Select(i => Module(i, 10_000))];
        foreach (var version in versions[..5]) await DeployAsync(agents, project, "a", version);
        await DeployAsync(agents, other, "a", versions[1]);
        await Kept.BegunAsync(Journal, project.Tenant, ModuleDigest.Of(versions[0]));

        // The first runs, the second goes, the third is a tool, the fourth is next.
        await agents.DeployAsync(
            new(project.Tenant, project.Id, "a", versions[5]) { Pinned = [ModuleDigest.Of(versions[2])] }, Ct);
        Assert.Equal(
            "++++++",
            await AreThereAsync(agents, versions)); // of the other tenant's agent the second is the module
        Assert.Equal(50_000, (await Storage.UseAsync(project.Tenant, Ct)).Modules.Value);
        await agents.DeployAsync(
            new(project.Tenant, project.Id, "a", Module(7, 10_000)) { Pinned = [ModuleDigest.Of(versions[2])] }, Ct);
        Assert.Equal("+++-++", await AreThereAsync(agents, versions));
    }

    [Fact]
    public async Task A_module_that_has_no_room_is_refused_and_changes_nothing()
    {
        var agents = AgentsWithin(new() { MaxModules = new(30_000) });
        var project = await ProjectAsync("acme");
        await DeployAsync(agents, project, "a", Module(1, 10_000));
        await DeployAsync(agents, project, "a", Module(2, 10_000));
        await DeployAsync(agents, project, "b", Module(3, 10_000));

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await DeployAsync(agents, project, "c", Module(4, 10_001)));

        Assert.Equal(ReasonCodes.StorageQuota, refused.Error.Code);
        Assert.Equal(["a", "b"], (await agents.ListAsync(project.Tenant, Ct)).Select(a => a.Name));
        Assert.Equal("+-", await AreThereAsync(agents, Module(1, 10_000), Module(4, 10_001)));
        Assert.True(await agents.DeleteAsync(project.Tenant, "demo", "b", Ct));
        await DeployAsync(agents, project, "c", Module(4, 10_001));
    }

    [Fact]
    public async Task An_agent_too_many_is_refused_and_a_new_version_is_not()
    {
        var agents = AgentsWithin(new() { MaxAgents = 2 });
        var project = await ProjectAsync("acme");
        await DeployAsync(agents, project, "a", [1]);
        await DeployAsync(agents, project, "b", [1]);
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await DeployAsync(agents, project, "c", [1]));
        Assert.Equal(ReasonCodes.StorageQuota, refused.Error.Code);
        Assert.Equal(2, (await DeployAsync(agents, project, "b", [2])).Version);
        await DeployAsync(agents, await ProjectAsync("other"), "c", [1]);

        // Where the limit was lowered, those that there are may still be mended.
        Assert.Equal(3, (await DeployAsync(AgentsWithin(new() { MaxAgents = 1 }), project, "b", [3])).Version);
    }

    [Fact]
    public async Task An_agent_that_is_deleted_is_no_more_and_another_tenant_cannot_delete_it()
    {
        var agents = AgentsWithin(new());
        var project = await ProjectAsync("acme");
        var other = await ProjectAsync("other");
        await DeployAsync(agents, project, "a", [1]);
        Assert.False(await agents.DeleteAsync(other.Tenant, "demo", "a", Ct));
        Assert.False(await agents.DeleteAsync(project.Tenant, "elsewhere", "a", Ct));
        Assert.True(await agents.DeleteAsync(project.Tenant, "demo", "a", Ct));
        Assert.False(await agents.DeleteAsync(project.Tenant, "demo", "a", Ct));
        Assert.Empty(await agents.ListAsync(project.Tenant, Ct));
        Assert.Equal(1, (await DeployAsync(agents, project, "a", [1])).Version);
    }

    [Fact]
    public async Task All_buckets_together_hold_no_more_than_they_may()
    {
        var memory = MemoryWithin(new() { MaxMemory = new(100) });
        var (mine, theirs) = (Given.Tenant(1), Given.Tenant(2));
        Assert.Equal(MemoryOutcome.TenantFull, await SetAsync(memory, mine, "first", "k", new string('x', 100)));
        Assert.Equal(MemoryOutcome.Made, await SetAsync(memory, mine, "first", "k", new string('x', 59)));
        Assert.Equal(MemoryOutcome.TenantFull, await SetAsync(memory, mine, "second", "k", new string('x', 40)));
        Assert.Equal(MemoryOutcome.Made, await SetAsync(memory, theirs, "second", "k", new string('x', 40)));
        Assert.Equal(MemoryOutcome.Made, await SetAsync(memory, mine, "second", "k", new string('x', 39)));
        Assert.Equal(MemoryOutcome.TenantFull, await SetAsync(memory, mine, "first", "k", new string('x', 60)));
        Assert.Equal(MemoryOutcome.Made, await SetAsync(memory, mine, "first", "k", "x"));

        // Limits that were lowered let it shrink.
        var lower = MemoryWithin(new() { MaxMemory = new(10) });
        Assert.Equal(MemoryOutcome.Made, await SetAsync(lower, mine, "second", "k", new string('x', 30)));
        Assert.Equal(MemoryOutcome.TenantFull, await SetAsync(lower, mine, "first", "k", "xx"));
    }

    [Fact]
    public async Task A_bucket_that_is_cleared_is_empty_and_others_are_as_they_were()
    {
        var memory = MemoryWithin(new());
        var tenant = Given.Tenant(1);
        for (var i = 0; i < 2_100; i++) await SetAsync(memory, tenant, "large", $"{i}", "x");
        await SetAsync(memory, tenant, "other", "k", "x");
        await SetAsync(memory, Given.Tenant(2), "large", "k", "x");

        Assert.True(await memory.ClearAsync(tenant, "large", Ct));
        Assert.False(await memory.ClearAsync(tenant, "large", Ct));
        Assert.False(await memory.ClearAsync(tenant, "never", Ct));

        Assert.Equal([new BucketUse("other", 1, new(2))], (await Storage.UseAsync(tenant, Ct)).Buckets);
        Assert.Empty(await memory.ListKeysAsync(tenant, "large", null, 10, Ct));
        Assert.Single(await memory.ListKeysAsync(Given.Tenant(2), "large", null, 10, Ct));
        Assert.Equal(MemoryOutcome.Made, await SetAsync(memory, tenant, "large", "k", "x"));
    }

    private async Task<int> ForgetAsync(ByteCount room, DateTimeOffset? before)
    {
        var forgotten = 0;
        while (await Storage.ForgetRunsAsync(room, before, Ct) is > 0 and var some) forgotten += some;
        return forgotten;
    }

    private async Task<(long, long)> RunsOfAsync(TenantId tenant)
    {
        var use = await Storage.UseAsync(tenant, Ct);
        return (use.EndedRuns, use.Runs.Value);
    }

    /// <summary>A plus for each that is there, a minus for each that is not.</summary>
    private async Task<string> AreThereAsync(params IEnumerable<RunRecord> runs)
    {
        var there = "";
        foreach (var run in runs)
            there += await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), Ct) is null ? '-' : '+';
        return there;
    }

    /// <inheritdoc cref="AreThereAsync(IEnumerable{RunRecord})"/>
    private static async Task<string> AreThereAsync(IAgentStore agents, params IEnumerable<byte[]> modules)
    {
        var there = "";
        foreach (var module in modules)
            there += await agents.ReadModuleAsync(ModuleDigest.Of(module), Ct) is null ? '-' : '+';
        return there;
    }

    private static byte[] Module(int number, int bytes)
    {
        var module = new byte[bytes];
        module[0] = (byte)number;
        return module;
    }

    private async Task<ProjectRecord> ProjectAsync(string tenant) => await Tenants.EnsureProjectAsync(
        (await Tenants.EnsureTenantAsync(tenant, Ct)).Id, "demo", Ct);

    private static ValueTask<AgentRecord> DeployAsync(
        IAgentStore agents, ProjectRecord project, string name, byte[] wasm) =>
        agents.DeployAsync(new AgentDeployment(project.Tenant, project.Id, name, wasm), Ct);

    private static ValueTask<MemoryOutcome> SetAsync(
        IMemoryStore memory, TenantId tenant, string bucket, string key, string value) =>
        memory.ApplyAsync(
            new MemoryChange(
                tenant, RunId.New(TimeProvider.System), 1,
                new MemoryBucket(bucket) { MaxKeys = 10_000, MaxBytes = ByteCount.FromMebibytes(1) },
                key, Encoding.UTF8.GetBytes(value)),
            Ct);
}
