using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Execution.Tests;

public sealed class RunRestartTests
{
    [Fact]
    public async Task A_run_that_never_started_is_executed_after_a_restart()
    {
        await using var host = await RunHost.StartAsync(work: false);
        await host.DeployAsync("agent", (_, _) => Task.FromResult("fresh"));
        var left = await host.StartRunAsync("agent");
        host.Restart();
        var accepted = await host.StartRunAsync("agent");
        host.Work();
        Assert.Equal("fresh", (await host.EndAsync(left)).Run.Output);
        Assert.Equal("fresh", (await host.EndAsync(accepted)).Run.Output);
    }

    [Fact]
    public async Task Runs_that_were_admitted_once_go_on_though_there_are_more_than_the_tenant_may_have()
    {
        await using var host = await RunHost.StartAsync(work: false);
        await host.DeployAsync("agent", (_, _) => Task.FromResult("went on"));
        var left = new List<RunRecord>();
        for (var i = 0; i < 5; i++)
            left.Add(await host.StartRunAsync("agent"));
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits { ConcurrentRuns = 2 }, [], []);
        host.Restart();
        await host.ResumeAsync();
        Assert.Equal(
            ReasonCodes.ConcurrencyQuota, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));
        host.Work();
        foreach (var run in left)
            Assert.Equal("went on", (await host.EndAsync(run)).Run.Output);
    }

    [Fact]
    public async Task A_run_whose_events_hold_what_they_may_ends_when_it_calls_again()
    {
        await using var host = await RunHost.StartAsync(new RunServiceOptions { MaxEventChars = 10_000 });
        var (entered, resume) = (new TaskCompletionSource(), new TaskCompletionSource());
        await host.DeployAsync("agent", async (_, guest) =>
        {
            for (var call = 1; ; call++)
            {
                if (call == 4)
                {
                    entered.TrySetResult();
                    await resume.Task;
                }
                await guest.CallToolAsync("none", $$"""{"a":"{{new string('x', 4_000)}}"}""");
            }
        });
        var run = await host.StartRunAsync("agent");
        await entered.Task;
        await host.StopWorkersAsync();
        host.Restart();
        resume.SetResult();
        host.Work();

        var (ended, events) = await host.EndAsync(run);

        Assert.Equal(ReasonCodes.JournalFull, ended.Error!.Code);
        Assert.Equal(3, events.OfType<ToolDecided>().Count());
    }

    [Fact]
    public async Task Nothing_is_accepted_before_what_was_left_has_its_places()
    {
        await using var host = await RunHost.StartAsync(work: false);
        await host.DeployAsync("agent", (_, _) => Task.FromResult(""));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await host.Service.StartAsync(
            new StartRun(host.Caller, "demo", "agent", ""), CancellationToken.None));
        Assert.Empty(await host.Journal.ListUnfinishedAsync(CancellationToken.None));
    }

    [Fact]
    public async Task What_was_left_has_its_places_before_any_journal_is_read()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits { ConcurrentRuns = 1 }, [], []);
        var (run, resume) = await InterruptAsync(host);
        var (reading, read) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Journal.BeforeRead = () =>
        {
            reading.TrySetResult();
            return read.Task;
        };
        host.Restart();
        await host.ResumeAsync();
        Assert.False(reading.Task.IsCompleted);

        host.Work();
        await reading.Task;
        Assert.Equal(
            ReasonCodes.ConcurrencyQuota, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));

        read.SetResult();
        resume.SetResult("went on");
        Assert.Equal("hello, AR2002, went on", (await host.EndAsync(run)).Run.Output);
        Assert.Single(host.Inference.Bodies);
    }

    [Fact]
    public async Task A_journal_that_takes_long_to_read_holds_no_other_run_up()
    {
        await using var host = await RunHost.StartAsync();
        var (run, resume) = await InterruptAsync(host);
        using var read = new ManualResetEventSlim();
        host.Journal.BeforeRead = () =>
        {
            read.Wait();
            return Task.CompletedTask;
        };
        host.Restart();
        await Task.Run(host.Work).WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System);
        await host.DeployAsync("other", (_, _) => Task.FromResult("fine"));
        await host.StartRunAsync("other");
        while ((await host.Journal.ListUnfinishedAsync(CancellationToken.None)).Count > 1)
            await Task.Yield();

        read.Set();
        resume.SetResult("went on");
        Assert.Equal("hello, AR2002, went on", (await host.EndAsync(run)).Run.Output);
    }

    [Fact]
    public async Task What_cannot_be_taken_over_keeps_nobody_from_starting()
    {
        await using var host = await RunHost.StartAsync(
            new RunServiceOptions { Workers = 1, TakeOverAfter = TimeSpan.FromMilliseconds(1) });
        var (run, resume) = await InterruptAsync(host);
        var isRead = false;
        host.Journal.BeforeRead = () => Volatile.Read(ref isRead)
            ? Task.CompletedTask
            : Task.FromException(new FormatException("nothing that this version writes"));
        host.Restart();
        host.Work();
        await host.DeployAsync("other", (_, _) => Task.FromResult("fine"));
        var other = await host.StartRunAsync("other");
        while ((await host.Journal.FindAsync(host.Caller.Tenant, other.Identity.Run!.Value, default))!.EndedAt is null)
            await Task.Yield();

        Volatile.Write(ref isRead, true);
        resume.SetResult("went on");
        Assert.Equal("hello, AR2002, went on", (await host.EndAsync(run)).Run.Output);
    }

    [Fact]
    public async Task After_a_restart_the_agent_is_given_its_recorded_results_and_nothing_is_asked_twice()
    {
        await using var host = await RunHost.StartAsync();
        var (run, entered) = await InterruptAsync(host);
        host.Restart();
        entered.SetResult("went on");
        host.Work();
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, "hello, AR2002, went on"), (ended.Status, ended.Output));
        Assert.Single(host.Inference.Bodies);
        Assert.Equal(new RunResumed(2, 2, "scripted"), Assert.Single(events.OfType<RunResumed>()));
        Assert.Equal(["before", "between"], events.OfType<GuestLogged>().Select(l => l.Message));
        Assert.Equal((ScriptedInference.Usage, new MicroUsd(13)), (ended.Usage, ended.Cost));

        // Rules look at the run's history, so the decision point was told of the allowed chat again.
        Assert.Equal(2, host.Policy.Settled.Count(s => s == ("m", CallOutcome.Succeeded)));
    }

    [Fact]
    public async Task A_run_that_is_cancelled_before_it_goes_on_has_used_what_it_had_used()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await InterruptAsync(host);
        host.Restart();
        await host.ResumeAsync();
        await host.Service.CancelAsync(host.Caller.Tenant, run.Identity.Run!.Value, CancellationToken.None);
        host.Work();
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Cancelled, new MicroUsd(13)), (ended.Status, ended.Cost));
        Assert.Equal(ScriptedInference.Usage, ended.Usage);
        Assert.Equal(13, Assert.IsType<RunCancelled>(events[^1]).Totals.CostMicroUsd);
    }

    [Fact]
    public async Task What_an_answer_that_broke_off_has_cost_is_in_the_totals_after_a_restart_too()
    {
        await using var host = await RunHost.StartAsync();
        host.Inference.Answer = (_, _) => ScriptedInference.ThenFail(
            ReasonCodes.EngineDiedMidStream, new InferenceChunk { Text = "half" });
        var (ended, events) = await host.RunThroughRestartAsync(guest => guest.ChatAsync("hi"));
        var failed = Assert.Single(events.OfType<ChatFailed>());
        Assert.Equal("AR4004", ended.Output);
        Assert.Equal(1, failed.Usage!.OutputTokens);
        Assert.Equal((failed.Usage, failed.CostMicroUsd), (UsageResource.From(ended.Usage), ended.Cost.Value));
    }

    [Fact]
    public async Task What_was_never_sent_counts_no_more_after_a_restart_than_it_did_before()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Budget = new RunBudget { MaxTokens = new(100) };
        host.Policy.Tenant = new TenantPolicy(
            new QuotaLimits(),
            [new ToolServer("gone", new Uri("http://127.0.0.1:9/mcp"))],
            [ScriptedPolicy.Tool("gone/do", """{"type":"object"}""")]);
        var (ended, _) = await host.RunThroughRestartAsync(async guest =>
            $"{await guest.ChatAsync("hi")}, {await guest.CallToolAsync("gone/do", "{}")}");
        Assert.Equal("AR6003, AR5001", ended.Output);
        Assert.Equal(
            [("m", CallOutcome.NotSent), ("gone/do", CallOutcome.NotSent),
                ("m", CallOutcome.NotSent), ("gone/do", CallOutcome.NotSent)],
            host.Policy.Settled);
    }

    [Fact]
    public async Task A_restart_does_not_refill_the_runs_budget()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Budget = new RunBudget { MaxTokens = new(400) };
        var (ended, _) = await host.RunThroughRestartAsync(
            guest => guest.ChatAsync("hi"),
            // Fits into 400 tokens, and not into the 387 that are left.
            guest => guest.ChatAsync("hi", new ChatOptions { MaxOutputTokens = 400 - FirstBody(host) - 5 }));
        Assert.Equal("AR6003", ended.Output);
    }

    [Fact]
    public async Task An_agent_that_takes_another_path_when_replayed_is_ended_before_it_does_harm()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await InterruptAsync(host);
        host.Restart();
        await host.DeployAsync("agent", (_, guest) => guest.CallToolAsync("shop/refund", "{}"));
        host.Work();
        var (ended, _) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Failed, ReasonCodes.RunInterrupted), (ended.Status, ended.Error!.Code));
        Assert.Contains("call 1", ended.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_whose_bundle_is_gone_is_ended_with_what_it_has_used()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await InterruptAsync(host);
        host.Restart();
        host.Policy.Digest = BundleDigest.Of([2]);
        host.Work();
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Failed, ReasonCodes.RunInterrupted), (ended.Status, ended.Error!.Code));
        Assert.Equal((ScriptedInference.Usage, new MicroUsd(13)), (ended.Usage, ended.Cost));
        Assert.IsType<RunFailed>(events[^1]);
    }

    [Fact]
    public async Task A_run_whose_bundle_was_replaced_goes_on_under_the_one_it_was_accepted_under()
    {
        await using var host = await RunHost.StartAsync();
        var (run, entered) = await InterruptAsync(host);
        host.Restart();
        entered.SetResult("went on");
        host.Policy.Kept.Add(host.Policy.Digest);
        host.Policy.Digest = BundleDigest.Of([2]);
        host.Work();
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal(BundleDigest.Of([1]), ended.Bundle);
        Assert.Equal(RunStatus.Succeeded, ended.Status);
        Assert.Single(events.OfType<RunResumed>());
    }

    [Fact]
    public async Task A_run_that_brings_every_worker_down_is_given_up()
    {
        await using var host = await RunHost.StartAsync(new RunServiceOptions { Workers = 1, MaxAttempts = 2 });
        var (run, _) = await InterruptAsync(host, h => h.CrashAsync());
        host.Restart();
        host.Work();
        while (!(await EventsAsync(host, run)).Any(e => e.Data is RunResumed))
            await Task.Yield();
        await host.CrashAsync();
        host.Restart();
        host.Work();
        var (ended, _) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Failed, ReasonCodes.RunInterrupted), (ended.Status, ended.Error!.Code));
    }

    [Fact]
    public async Task A_run_may_be_left_in_good_order_as_often_as_the_platform_is_stopped()
    {
        await using var host = await RunHost.StartAsync(new RunServiceOptions { Workers = 1, MaxAttempts = 2 });
        var (run, resume) = await InterruptAsync(host);
        for (var workers = 2; workers < 6; workers++)
        {
            host.Restart();
            host.Work();
            while ((await EventsAsync(host, run)).Count(e => e.Data is RunResumed) != workers - 1)
                await Task.Yield();
            await host.StopWorkersAsync();
        }

        host.Restart();
        resume.SetResult("went on");
        host.Work();
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, "hello, AR2002, went on"), (ended.Status, ended.Output));
        Assert.Equal([2, 3, 4, 5, 6], events.OfType<RunResumed>().Select(r => r.Attempt));
        Assert.Equal(5, events.OfType<RunSuspended>().Count());
        Assert.Equal(["before", "between"], events.OfType<GuestLogged>().Select(l => l.Message));
    }

    [Fact]
    public async Task The_deadline_counts_the_time_that_the_platform_was_down()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await InterruptAsync(host);
        host.Restart();
        host.Policy.Budget = new RunBudget { Deadline = TimeSpan.FromTicks(1) };
        host.Work();
        Assert.Equal(ReasonCodes.RunDeadline, (await host.EndAsync(run)).Run.Error!.Code);
    }

    [Fact]
    public async Task A_clock_that_was_ahead_when_a_run_was_started_gives_it_no_more_time()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await InterruptAsync(host);
        host.Restart();
        var now = new ManualTime(TimeProvider.System.GetUtcNow().AddDays(-100));
        var resumption = new RunResumption(host.Policy, host.Journal, host.Ledger, now, new());
        using var left = new OpenRun(run.Identity);
        using var resumed = await resumption.ResumeAsync(run, left, CancellationToken.None);
        Assert.Equal(host.Policy.Budget.Deadline, resumed!.TimeLeft);
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

    /// <summary>Stops the platform while a run hangs after one chat and one refused tool call.</summary>
    private static async Task<(RunRecord Run, TaskCompletionSource<string> Resume)> InterruptAsync(
        RunHost host, Func<RunHost, Task>? stop = null)
    {
        var (entered, resume) = (new TaskCompletionSource(), new TaskCompletionSource<string>());
        host.Policy.Rule = call => call.Action == PolicyAction.CallTool
            ? ScriptedPolicy.Deny(ReasonCodes.DefaultDeny)
            : new Decision(Verdict.Allow, null, null);
        await host.DeployAsync("agent", async (_, guest) =>
        {
            guest.Log("before");
            var chat = await guest.ChatAsync("hi");
            guest.Log("between");
            var tool = await guest.CallToolAsync("shop/delete_customer", "{}");
            entered.TrySetResult();
            var rest = await resume.Task;
            return $"{chat}, {tool}, {rest}";
        });
        var run = await host.StartRunAsync("agent");
        await entered.Task;
        await (stop?.Invoke(host) ?? host.StopWorkersAsync());
        return (run, resume);
    }

    private static int FirstBody(RunHost host) => host.Inference.Bodies.First().Length;

    private static ValueTask<IReadOnlyList<RunEvent>> EventsAsync(RunHost host, RunRecord run) =>
        host.Journal.ReadAsync(run.Identity.Run!.Value, 0, 100, CancellationToken.None);
}
