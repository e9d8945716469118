using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>Memory that the guests of a tenant may have together.</summary>
public sealed class GuestMemoryTests : IDisposable
{
    private static readonly TenantId One = new(new Guid(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
    private static readonly TenantId Other = new(new Guid(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));

    private readonly GuestMemory _memory = new(new(100));
    private readonly SemaphoreSlim _workers = new(0);

    public void Dispose() => _workers.Dispose();

    [Fact]
    public async Task A_guest_waits_for_room_in_turn_and_beside_other_tenants()
    {
        using var first = await TakenAsync(One, 60);
        var (large, small) = (_memory.Of(One, new(50)), _memory.Of(One, new(10)));
        var (largeTaken, smallTaken) = (TakeAsync(large), TakeAsync(small));
        using var other = await TakenAsync(Other, 100);
        Assert.False(largeTaken.IsCompleted || smallTaken.IsCompleted);

        first.GiveBack();
        await Task.WhenAll(largeTaken, smallTaken);

        var again = TakeAsync(first);
        Assert.False(again.IsCompleted);
        large.Dispose();
        large.Dispose();
        await again;
        Assert.False(TakeAsync(large).IsCompleted);
    }

    [Fact]
    public async Task Who_gives_up_waiting_holds_up_nobody()
    {
        using var first = await TakenAsync(One, 60);
        using var givingUp = new CancellationTokenSource();
        var large = TakeAsync(_memory.Of(One, new(50)), givingUp.Token);
        var small = TakeAsync(_memory.Of(One, new(40)));
        Assert.False(small.IsCompleted);

        await givingUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        await small;
    }

    [Fact]
    public void More_than_there_ever_is_is_refused()
    {
        var error = Assert.Throws<RuntimeErrorException>(() => _memory.Of(One, new(101))).Error;

        Assert.Equal(ReasonCodes.MemoryLimit, error.Code);
        Assert.Contains("sandbox.max_tenant_memory_mib", error.Action, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_waits_for_its_tenants_memory_without_a_worker()
    {
        await using var host = await RunHost.StartAsync(new RunServiceOptions
        {
            Workers = 2, MaxTenantMemory = new SandboxLimits().MaxMemory,
        });
        var (entered, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        await host.DeployAsync("agent", async (input, _) =>
        {
            if (input != "first") return input;
            entered.SetResult();
            await goOn.Task;
            return input;
        });
        var other = await host.CallerOfAsync("globex", "demo");
        await host.Agents.DeployAsync(
            new AgentDeployment(other.Tenant, other.Project, "agent", "agent"u8.ToArray()), default);

        var first = await host.StartRunAsync("agent", "first");
        await entered.Task;
        var second = await host.StartRunAsync("agent", "second");
        var third = await host.StartRunAsync("agent", "third");
        for (var i = 0; i < 3; i++) await EndedAsync(await host.Service.StartAsync(
            new StartRun(other, "demo", "agent", $"{i}"), default));

        var waiting = await host.Service.FindAsync(host.Caller.Tenant, second.Identity.Run!.Value, default);
        Assert.Equal(RunStatus.Queued, waiting!.Status);
        await host.Service.CancelAsync(host.Caller.Tenant, second.Identity.Run!.Value, default);
        Assert.Equal(RunStatus.Cancelled, (await host.EndAsync(second)).Run.Status);
        goOn.SetResult();
        Assert.Equal("first", (await host.EndAsync(first)).Run.Output);
        Assert.Equal("third", (await host.EndAsync(third)).Run.Output);

        async Task EndedAsync(RunRecord run)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
            await foreach (var e in host.Service.WatchAsync(
                other.Tenant, run.Identity.Run!.Value, 0, patience.Token))
                if (e.Data is RunSucceeded) return;
            Assert.Fail("the run did not succeed");
        }
    }

    private Task TakeAsync(GuestMemory.Share share, CancellationToken cancellationToken = default) =>
        share.TakeAsync(new WorkerSlot(_workers), cancellationToken);

    private async Task<GuestMemory.Share> TakenAsync(TenantId tenant, long bytes)
    {
        var share = _memory.Of(tenant, new(bytes));
        await TakeAsync(share);
        return share;
    }
}
