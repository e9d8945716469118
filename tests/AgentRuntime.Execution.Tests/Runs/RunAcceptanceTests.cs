using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class RunAcceptanceTests
{
    [Fact]
    public async Task An_accepted_run_is_in_the_journal_before_anyone_executes_it()
    {
        await using var host = await RunHost.StartAsync(work: false);
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        var run = await host.StartRunAsync("agent", "some input");
        var kept = await host.Journal.FindAsync(host.Caller.Tenant, run.Identity.Run!.Value, CancellationToken.None);
        Assert.Equal(run, kept);
        Assert.Equal((RunStatus.Queued, "demo/agent"), (kept!.Status, kept.Identity.AgentName));
    }

    [Fact]
    public async Task An_unknown_agent_is_refused()
    {
        await using var host = await RunHost.StartAsync();
        Assert.Equal(ReasonCodes.UnknownAgent, await host.RefusalAsync(new StartRun(host.Caller, "demo", "ghost", "")));
    }

    [Fact]
    public async Task A_key_of_another_project_or_tenant_does_not_find_the_agent()
    {
        await using var host = await RunHost.StartAsync();
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        foreach (var (tenant, project) in new[] { ("acme", "side"), ("other", "demo") })
            Assert.Equal(
                ReasonCodes.UnknownAgent,
                await host.RefusalAsync(new StartRun(await host.CallerOfAsync(tenant, project), "demo", "agent", "")));
    }

    [Fact]
    public async Task Without_a_bundle_nothing_runs()
    {
        await using var host = await RunHost.StartAsync();
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        host.Policy.Exists = false;
        Assert.Equal(ReasonCodes.NoPolicy, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));
    }

    [Fact]
    public async Task An_agent_that_the_bundle_does_not_name_may_not_run()
    {
        await using var host = await RunHost.StartAsync();
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        host.Policy.Agents.Clear();
        Assert.Equal(
            ReasonCodes.AgentNotInBundle, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));
    }

    [Fact]
    public async Task Input_is_bounded_in_bytes_not_in_characters()
    {
        await using var host = await RunHost.StartAsync();
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        host.Policy.Budget = new RunBudget { MaxInput = new ByteCount(4) };
        Assert.Equal(
            ReasonCodes.InputTooLarge, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "äöü")));
        await host.EndAsync(await host.StartRunAsync("agent", "äö"));
    }

    [Fact]
    public async Task When_the_queue_is_full_a_run_is_refused_and_leaves_nothing()
    {
        await using var host = await RunHost.StartAsync(
            new RunServiceOptions { QueueCapacity = 2, Workers = 1 }, work: false);
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        var runs = new[] { await host.StartRunAsync("agent"), await host.StartRunAsync("agent") };
        Assert.Equal(ReasonCodes.QueueFull, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));
        Assert.Equal(2, (await host.Service.ListAsync(host.Caller.Tenant, null, 10, CancellationToken.None)).Count);
        host.Work();
        foreach (var run in runs)
            Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(run)).Run.Status);
        await host.EndAsync(await host.StartRunAsync("agent"));
    }

    [Fact]
    public async Task A_tenant_has_no_more_runs_under_way_than_its_quota()
    {
        await using var host = await RunHost.StartAsync(work: false);
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits { ConcurrentRuns = 1 }, [], []);
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        await host.StartRunAsync("agent");
        Assert.Equal(
            ReasonCodes.ConcurrencyQuota, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));
    }
}
