using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class RunRestartTests
{
    [Fact]
    public async Task Runs_that_a_dead_process_left_are_ended_as_interrupted()
    {
        await using var host = await RunHost.StartAsync(work: false);
        await host.DeployAsync("agent", (_, _) => Task.FromResult("fresh"));
        var left = await host.StartRunAsync("agent");
        host.Restart();
        var accepted = await host.StartRunAsync("agent");
        host.Work();
        var (interrupted, events) = await host.EndAsync(left);
        Assert.Equal((RunStatus.Failed, ReasonCodes.RunInterrupted), (interrupted.Status, interrupted.Error!.Code));
        Assert.IsType<RunFailed>(events[^1]);
        Assert.Equal("fresh", (await host.EndAsync(accepted)).Run.Output);
    }

    [Fact]
    public async Task A_shutdown_leaves_what_is_under_way_unfinished_in_the_journal()
    {
        await using var host = await RunHost.StartAsync();
        var entered = new TaskCompletionSource();
        await host.DeployAsync("agent", (_, _) =>
        {
            entered.SetResult();
            return new TaskCompletionSource<string>().Task;
        });
        var run = await host.StartRunAsync("agent");
        await entered.Task;
        await host.StopWorkersAsync();
        var kept = await host.Journal.FindAsync(host.Caller.Tenant, run.Identity.Run!.Value, CancellationToken.None);
        Assert.Equal(RunStatus.Running, kept!.Status);
        Assert.Single(await host.Journal.ListUnfinishedAsync(CancellationToken.None));
    }
}
