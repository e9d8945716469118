using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Execution.Tests;

/// <summary>Which runs are charged for a platform that goes down.</summary>
public sealed class LostWorkerTests
{
    private static readonly RunServiceOptions Strict =
        new() { Workers = 4, MaxAttempts = 2, PutAwayAfter = TimeSpan.FromMilliseconds(1) };

    [Fact]
    public async Task A_run_that_waits_for_a_person_survives_every_crash()
    {
        await using var server = await TestToolServer.StartAsync();
        await using var host = await RunHost.StartAsync(Strict with { ApprovalPatience = TimeSpan.FromMinutes(5) });
        host.Policy.Tenant = new TenantPolicy(
            new QuotaLimits(), [server.Server], [ScriptedPolicy.Tool("test/do", """{"type":"object"}""")]);
        host.Policy.Rule = _ => new Decision(
            host.Policy.Approved.Count > 0 ? Verdict.Allow : Verdict.RequireApproval, null, null);
        await host.DeployAsync("agent", (_, guest) => guest.CallToolAsync("test/do", "{}"));
        var run = await host.StartRunAsync("agent");
        for (var crash = 1; crash <= 4; crash++)
        {
            await CountAsync<RunSuspended>(host, run, crash);
            await host.CrashAsync();
            host.Restart();
            host.Work();
        }

        await CountAsync<RunSuspended>(host, run, 5);
        var approval = new RunApproval(host.Caller, run.Identity.Run!.Value, 1, true, null);
        Assert.Equal(ApprovalOutcome.Recorded, await host.Service.DecideAsync(approval, default));
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, "done"), (ended.Status, ended.Output));
        Assert.Equal([2, 3, 4, 5, 5], events.OfType<RunResumed>().Select(r => r.Attempt));
        var decided = events.FindIndex(e => e is ApprovalDecided);
        Assert.Equal(new RunResumed(5, 0, "scripted"), events[decided - 1]);
    }

    [Fact]
    public async Task A_run_that_waits_for_a_time_survives_every_crash()
    {
        await using var host = await RunHost.StartAsync(Strict);
        host.Policy.Budget = new RunBudget { Deadline = TimeSpan.FromDays(2) };
        var (duration, time) = (TimeSpan.FromDays(1), new ShiftedTime());
        await host.DeployAsync("agent", async (_, guest) =>
        {
            await guest.ChatAsync("before");
            guest.Log("between");
            await guest.CallAsync(new HostCall.Sleep(duration));
            guest.Log("after");
            return await guest.ChatAsync("after");
        });
        var run = await host.StartRunAsync("agent");
        for (var crash = 1; crash <= 4; crash++)
        {
            await CountAsync<RunSuspended>(host, run, crash);
            await host.CrashAsync();
            if (crash == 4)
            {
                time.Advance(duration);
                host.Time = time;
            }

            host.Restart();
            host.Work();
        }

        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, "hello"), (ended.Status, ended.Output));
        Assert.Equal(["between", "after"], events.OfType<GuestLogged>().Select(l => l.Message));
        Assert.Equal(2, host.Inference.Bodies.Count);
        Assert.Equal([2, 2, 2, 2], events.OfType<RunResumed>().Select(r => r.ReplayedCalls));
        var started = Assert.Single(events.OfType<SleepStarted>());
        Assert.Equal(2, started.Call);
        Assert.InRange(started.Until, run.CreatedAt + duration, run.CreatedAt + duration + TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task What_was_slept_is_not_slept_again_and_another_call_in_its_place_is_another_path()
    {
        await using var host = await RunHost.StartAsync(Strict);
        host.Policy.Budget = new RunBudget { Deadline = TimeSpan.FromDays(2) };
        var (time, sleeps) = (new ShiftedTime(), true);
        host.Time = time;
        await CrashAsync(TimeSpan.Zero);
        await host.DeployAsync("agent", async (_, guest) =>
        {
            if (sleeps)
                await guest.CallAsync(new HostCall.Sleep(TimeSpan.FromHours(1)));
            await guest.ChatAsync("one");
            await guest.CallAsync(new HostCall.Sleep(TimeSpan.FromHours(2)));
            return "done";
        });
        var run = await host.StartRunAsync("agent");
        await CountAsync<RunSuspended>(host, run, 1);
        await CrashAsync(TimeSpan.FromHours(1));
        await CountAsync<RunSuspended>(host, run, 2);
        await CrashAsync(TimeSpan.FromHours(1));

        // Half of the second one is left, and nothing of the first.
        await CountAsync<RunSuspended>(host, run, 3);
        sleeps = false;
        await CrashAsync(TimeSpan.Zero);
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal(ReasonCodes.RunInterrupted, ended.Error!.Code);
        Assert.Contains("another path", ended.Error.Message, StringComparison.Ordinal);
        Assert.Single(events.OfType<ChatCompleted>());

        async Task CrashAsync(TimeSpan passed)
        {
            await host.CrashAsync();
            time.Advance(passed);
            host.Restart();
            host.Work();
        }
    }

    [Fact]
    public async Task A_run_that_brings_its_worker_down_when_it_wakes_is_given_up()
    {
        await using var host = await RunHost.StartAsync(Strict);
        await host.DeployAsync("agent", async (_, guest) =>
        {
            await guest.CallAsync(new HostCall.Sleep(TimeSpan.FromMilliseconds(50)));
            return await new TaskCompletionSource<string>().Task;
        });
        var run = await host.StartRunAsync("agent");
        for (var worker = 1; worker <= 2; worker++)
        {
            // What it goes on with after the sleep; the first worker does not take it over.
            await CountAsync<RunResumed>(host, run, (2 * worker) - 1);
            await host.CrashAsync();
            host.Restart();
            host.Work();
        }

        var (ended, events) = await host.EndAsync(run);
        Assert.Equal(ReasonCodes.RunInterrupted, ended.Error!.Code);
        Assert.Contains("2 times in a row", ended.Error.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 2], events.OfType<RunResumed>().Select(r => r.Attempt));
    }

    [Fact]
    public async Task A_run_that_comes_further_with_each_worker_goes_on()
    {
        await using var host = await RunHost.StartAsync(Strict);
        var run = await DieAfterEachChatAsync(host, workers: 4);
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, "4"), (ended.Status, ended.Output));
        Assert.Equal(4, events.OfType<ChatCompleted>().Count());
    }

    [Fact]
    public async Task A_run_that_comes_further_each_time_before_it_brings_its_worker_down_is_given_up_at_last()
    {
        await using var host = await RunHost.StartAsync(Strict with { MaxLost = 3 });
        var run = await DieAfterEachChatAsync(host, workers: 3);
        var (ended, _) = await host.EndAsync(run);
        Assert.Equal(ReasonCodes.RunInterrupted, ended.Error!.Code);
        Assert.Contains("3 times", ended.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_whose_module_waits_for_its_turn_has_not_begun()
    {
        await using var host = await RunHost.StartAsync(Strict);
        await host.DeployAsync("fast", (_, _) => Task.FromResult("fine"));
        await host.DeployAsync("slow", (_, _) => Task.FromResult("never"));
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Engine.Compiling = name =>
        {
            if (name != "slow")
                return Task.CompletedTask;
            begun.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
        };
        var killer = await host.StartRunAsync("slow");
        await begun.Task;
        var waiting = await host.StartRunAsync("fast");
        for (var crash = 1; crash <= 2; crash++)
        {
            await CountAsync<RunEventData>(host, killer, crash);
            await host.CrashAsync();
            host.Restart();
            host.Work();
        }

        Assert.Equal(ReasonCodes.RunInterrupted, (await host.EndAsync(killer)).Run.Error!.Code);
        var (ended, events) = await host.EndAsync(waiting);
        Assert.Equal((RunStatus.Succeeded, "fine"), (ended.Status, ended.Output));
        Assert.Equal([typeof(RunStarted), typeof(RunSucceeded)], events.Select(e => e.GetType()));
    }

    /// <summary>Each worker gets one chat more answered than the one before it, and goes down.</summary>
    private static async Task<RunRecord> DieAfterEachChatAsync(RunHost host, int workers)
    {
        var dying = true;
        await host.DeployAsync("agent", async (_, guest) =>
        {
            var before = host.Inference.Bodies.Count;
            for (var chat = 1; chat <= workers; chat++)
            {
                await guest.ChatAsync($"{chat}");
                if (Volatile.Read(ref dying) && host.Inference.Bodies.Count > before)
                    await new TaskCompletionSource().Task;
            }

            return $"{workers}";
        });
        var run = await host.StartRunAsync("agent");
        for (var worker = 1; worker <= workers; worker++)
        {
            await CountAsync<ChatCompleted>(host, run, worker);
            await host.CrashAsync();
            host.Restart();
            Volatile.Write(ref dying, worker < workers);
            host.Work();
        }

        return run;
    }

    /// <summary>Waits until the run's journal has so many events of a kind.</summary>
    private static async Task CountAsync<T>(RunHost host, RunRecord run, int count)
        where T : RunEventData
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        while ((await host.Journal.ReadAsync(run.Identity.Run!.Value, 0, 100, patience.Token))
            .Count(e => e.Data is T) < count)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
