using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class RunOutcomeTests
{
    [Fact]
    public async Task A_run_that_finishes_succeeds_with_its_output_and_events_in_order()
    {
        await using var host = await RunHost.StartAsync();
        var (run, events) = await host.RunAsync(async (input, guest) =>
        {
            guest.Log("hello");
            await guest.CallAsync(new HostCall.Sleep(TimeSpan.Zero));
            return input.ToUpperInvariant();
        });
        Assert.Equal((RunStatus.Succeeded, "IN"), (run.Status, run.Output));
        Assert.NotNull(run.EndedAt);
        Assert.Null(run.Error);
        var started = Assert.IsType<RunStarted>(events[0]);
        Assert.Equal(("demo/agent", "scripted"), (started.Agent, started.SandboxEngine));
        Assert.Equal(new GuestLogged("info", "hello"), events[1]);
        var succeeded = Assert.IsType<RunSucceeded>(events[2]);
        Assert.Equal((1, 65_536L), (succeeded.Totals.HostCalls, succeeded.Totals.MemoryPeakBytes));
    }

    [Fact]
    public async Task A_guests_own_error_fails_the_run_with_its_message()
    {
        await using var host = await RunHost.StartAsync();
        var (run, events) = await host.RunAsync((_, _) => throw new GuestErrorException("no ticket"));
        Assert.Equal(RunStatus.Failed, run.Status);
        Assert.Equal((ReasonCodes.GuestError, "no ticket"), (run.Error!.Code, run.Error.Message));
        Assert.Equal("AR7004", Assert.IsType<RunFailed>(events[^1]).Error.Code);
    }

    [Fact]
    public async Task A_trap_fails_the_run_with_the_traps_code()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await host.RunAsync((_, _) => throw new GuestTrapException(ReasonCodes.CpuTimeLimit));
        Assert.Equal((RunStatus.Failed, ReasonCodes.CpuTimeLimit), (run.Status, run.Error!.Code));
    }

    [Fact]
    public async Task A_guest_that_runs_past_its_deadline_fails_with_that_reason()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Budget = new RunBudget { Deadline = TimeSpan.FromMilliseconds(100) };
        var (run, _) = await host.RunAsync((_, _) => new TaskCompletionSource<string>().Task);
        Assert.Equal((RunStatus.Failed, ReasonCodes.RunDeadline), (run.Status, run.Error!.Code));
    }

    [Fact]
    public async Task A_guest_that_sleeps_past_its_deadline_fails_with_that_reason()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Budget = new RunBudget { Deadline = TimeSpan.FromMilliseconds(100) };
        var (run, _) = await host.RunAsync(async (_, guest) =>
        {
            await guest.CallAsync(new HostCall.Sleep(TimeSpan.FromDays(1)));
            return "";
        });
        Assert.Equal((RunStatus.Failed, ReasonCodes.RunDeadline), (run.Status, run.Error!.Code));
    }

    [Fact]
    public async Task A_bug_in_the_platform_ends_one_run_and_no_other()
    {
        await using var host = await RunHost.StartAsync(new RunServiceOptions { Workers = 1 });
        await host.DeployAsync("good", (_, _) => Task.FromResult("fine"));
        var (bad, _) = await host.RunAsync((_, _) => throw new InvalidOperationException("a bug"));
        Assert.Equal((RunStatus.Failed, ReasonCodes.Internal), (bad.Status, bad.Error!.Code));
        Assert.DoesNotContain("a bug", bad.Error.Message, StringComparison.Ordinal);
        var (good, _) = await host.EndAsync(await host.StartRunAsync("good"));
        Assert.Equal(RunStatus.Succeeded, good.Status);
    }

    [Fact]
    public async Task What_a_run_used_before_a_bug_ended_it_is_in_its_totals()
    {
        await using var host = await RunHost.StartAsync();
        var (run, events) = await host.RunAsync(async (_, guest) =>
        {
            await guest.ChatAsync("hi");
            throw new InvalidOperationException("a bug");
        });
        Assert.Equal((RunStatus.Failed, ReasonCodes.Internal), (run.Status, run.Error!.Code));
        Assert.Equal((ScriptedInference.Usage, new MicroUsd(13)), (run.Usage, run.Cost));
        var totals = Assert.IsType<RunFailed>(events[^1]).Totals;
        Assert.Equal((new UsageResource(10, 4, 3), 13L, 1), (totals.Usage, totals.CostMicroUsd, totals.HostCalls));
    }

    [Fact]
    public async Task Every_ended_run_gives_its_place_back()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits { ConcurrentRuns = 1 }, [], []);
        await host.DeployAsync("good", (_, _) => Task.FromResult("fine"));
        await host.DeployAsync("bug", (_, _) => throw new InvalidOperationException("a bug"));
        await host.DeployAsync("trap", (_, _) => throw new GuestTrapException(ReasonCodes.GuestTrap));
        foreach (var agent in new[] { "good", "bug", "trap", "good" })
        {
            var run = await host.StartRunAsync(agent);
            await host.EndAsync(run);

            // The journal says "ended" just before the place is given back.
            var probe = run.Identity with { Run = RunId.New(TimeProvider.System) };
            while (host.Ledger.TryOpenRun(probe, new RunBudget()) is not null)
                await Task.Yield();
            host.Ledger.CloseRun(probe.Run!.Value);
        }
    }
}
