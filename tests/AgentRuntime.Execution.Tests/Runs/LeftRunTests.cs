using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Execution.Tests;

/// <summary>Runs of a process that lives on while its journal does not always answer.</summary>
public sealed class LeftRunTests
{
    [Fact]
    public async Task A_run_whose_module_is_gone_ends_at_once_and_says_so()
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-gone-");
        await using (var host = await RunHost.StartAsync(work: false, folder: folder.FullName))
        {
            await host.DeployAsync("agent", (_, _) => Task.FromResult("never"));
            var run = await host.StartRunAsync("agent");
            var state = $"Data Source={folder.FullName}/state.db;Foreign Keys=False;Pooling=False";
            await using (var database = new SqliteConnection(state))
            {
                await database.OpenAsync();
                await using var delete = database.CreateCommand();
                delete.CommandText = "DELETE FROM modules";
                Assert.Equal(1, await delete.ExecuteNonQueryAsync());
            }

            host.Work();
            var (ended, events) = await host.EndAsync(run);

            Assert.Equal((ReasonCodes.StorageFailed, RunStatus.Failed), (ended.Error!.Code, ended.Status));
            Assert.Contains("not in the store", ended.Error.Message, StringComparison.Ordinal);
            Assert.Single(events, e => e is RunStarted or RunResumed);
        }

        folder.Delete(recursive: true);
    }

    private static readonly RunServiceOptions Soon =
        new() { Workers = 2, TakeOverAfter = TimeSpan.FromMilliseconds(1) };

    [Fact]
    public async Task A_run_goes_on_from_what_was_written_though_the_journal_did_not_say_so()
    {
        await using var host = await RunHost.StartAsync(Soon);
        LoseOnceAfter<ChatCompleted>(host);
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal((RunStatus.Succeeded, "hello"), (run.Status, run.Output));
        Assert.Single(host.Inference.Bodies);
        Assert.Single(events.OfType<ChatCompleted>());
        Assert.Equal(new RunResumed(2, 1, "scripted"), Assert.Single(events.OfType<RunResumed>()));
        Assert.Equal((ScriptedInference.Usage, new MicroUsd(13)), (run.Usage, run.Cost));
    }

    [Fact]
    public async Task A_run_goes_on_though_the_journal_was_away_for_a_moment_only()
    {
        await using var host = await RunHost.StartAsync(Soon);
        var away = 0;
        host.Journal.IsLostBefore = e => e is ChatCompleted && Interlocked.Exchange(ref away, 1) == 0;
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal((RunStatus.Succeeded, "hello"), (run.Status, run.Output));
        Assert.Single(events.OfType<RunResumed>());
        Assert.Equal(2, host.Inference.Bodies.Count);
    }

    [Fact]
    public async Task A_run_goes_on_once_the_journal_is_there_again()
    {
        await using var host = await RunHost.StartAsync(Soon);
        LoseOnceAfter<ChatStarted>(host, isDown: true);
        await host.DeployAsync("agent", async (_, guest) => await guest.ChatAsync("hi"));
        var run = await host.StartRunAsync("agent");
        await FailuresAsync(host, 5);
        host.Journal.IsDown = false;
        var (ended, _) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, "hello"), (ended.Status, ended.Output));
    }

    [Fact]
    public async Task A_store_that_refuses_what_a_run_writes_is_no_worker_that_the_run_brought_down()
    {
        await using var host = await RunHost.StartAsync(Soon with { MaxAttempts = 2 });
        var refused = 0;
        host.Journal.IsLostBefore = e => e is ChatCompleted && Interlocked.Increment(ref refused) <= 4;
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal((RunStatus.Succeeded, "hello"), (run.Status, run.Output));
        Assert.Equal([2, 3, 4, 5], events.OfType<RunResumed>().Select(r => r.Attempt));
        Assert.Equal(4, events.OfType<RunSuspended>().Count());
    }

    [Fact]
    public async Task A_run_is_left_alone_for_longer_each_time_that_the_store_refuses_what_it_writes()
    {
        var left = new LeftRuns(TimeSpan.FromTicks(1), TimeProvider.System);
        using var stop = new CancellationTokenSource();
        using var again = Left(timesLeft: 5);
        using var once = Left(timesLeft: 0);
        left.Add(again);
        left.Add(once);
        var (tries, triesBefore) = (0, 0);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left.TakeOverAsync(
            (run, _) =>
            {
                if (run == once)
                {
                    tries++;
                    return Task.FromResult(false);
                }

                triesBefore = tries;
                stop.Cancel();
                return Task.FromResult(true);
            },
            stop.Token));
        Assert.Equal(31, triesBefore);
    }

    [Fact]
    public async Task A_run_whose_end_was_written_has_ended()
    {
        await using var host = await RunHost.StartAsync(Soon);
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits { ConcurrentRuns = 1 }, [], []);
        LoseOnceAfter<RunSucceeded>(host);
        var (run, events) = await host.RunAsync((_, _) => Task.FromResult("done"));
        Assert.Equal((RunStatus.Succeeded, "done"), (run.Status, run.Output));
        Assert.Equal([typeof(RunStarted), typeof(RunSucceeded)], events.Select(e => e.GetType()));
        await PlaceAsync(host);
        Assert.Equal(events, (await host.EndAsync(run)).Events);
    }

    [Fact]
    public async Task A_run_that_is_cancelled_while_it_is_taken_over_does_nothing_more()
    {
        await using var host = await RunHost.StartAsync(Soon);
        var (reading, read) = (new TaskCompletionSource(), new TaskCompletionSource());
        LoseOnceAfter<ChatCompleted>(host);
        host.Journal.BeforeRead = () =>
        {
            reading.TrySetResult();
            return read.Task;
        };
        await host.DeployAsync(
            "agent", async (_, guest) => $"{await guest.ChatAsync("one")}, {await guest.ChatAsync("two")}");
        var run = await host.StartRunAsync("agent");
        await reading.Task;
        Assert.True(await host.Service.CancelAsync(
            host.Caller.Tenant, run.Identity.Run!.Value, CancellationToken.None));
        read.SetResult();
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal(RunStatus.Cancelled, ended.Status);
        Assert.Single(host.Inference.Bodies);
        Assert.Equal(new UsageResource(10, 4, 3), Assert.IsType<RunCancelled>(events[^1]).Totals.Usage);
    }

    [Fact]
    public async Task A_watcher_of_a_run_that_is_left_sees_how_it_goes_on()
    {
        await using var host = await RunHost.StartAsync(Soon with { WatchInterval = TimeSpan.FromDays(1) });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        var watching = new TaskCompletionSource();
        LoseOnceAfter<ChatCompleted>(host);
        await host.DeployAsync("agent", async (_, guest) =>
        {
            await watching.Task;
            return await guest.ChatAsync("hi");
        });
        var run = await host.StartRunAsync("agent");
        var events = new List<RunEventData>();
        await foreach (var e in host.Service.WatchAsync(
            host.Caller.Tenant, run.Identity.Run!.Value, 0, patience.Token))
        {
            events.Add(e.Data);
            watching.TrySetResult();
        }
        Assert.Single(events.OfType<RunResumed>());
        Assert.IsType<RunSucceeded>(events[^1]);
    }

    [Fact]
    public async Task A_run_whose_caller_was_told_that_there_is_none_never_starts()
    {
        await using var host = await RunHost.StartAsync(Soon);
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits { ConcurrentRuns = 1 }, [], []);
        await host.DeployAsync("agent", (_, _) => throw new InvalidOperationException("must not start"));
        host.Journal.IsLostAfter = written => written is null;
        Assert.Equal(
            ReasonCodes.StorageFailed, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));
        host.Journal.IsLostAfter = _ => false;
        var run = Assert.Single(await host.Service.ListAsync(host.Caller.Tenant, null, 10, CancellationToken.None));
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal(RunStatus.Cancelled, ended.Status);
        Assert.IsType<RunCancelled>(Assert.Single(events));
        await PlaceAsync(host);
    }

    [Fact]
    public async Task A_run_that_was_not_written_at_all_gives_its_place_back()
    {
        await using var host = await RunHost.StartAsync(Soon);
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits { ConcurrentRuns = 1 }, [], []);
        await host.DeployAsync("agent", (_, _) => Task.FromResult("fine"));
        host.Journal.IsDown = true;
        Assert.Equal(
            ReasonCodes.StorageFailed, await host.RefusalAsync(new StartRun(host.Caller, "demo", "agent", "")));
        host.Journal.IsDown = false;
        await PlaceAsync(host);
        Assert.Equal("fine", (await host.EndAsync(await host.StartRunAsync("agent"))).Run.Output);
    }

    private static ActiveRun Left(int timesLeft)
    {
        var identity = new WorkIdentity(
            TenantId.New(TimeProvider.System), "acme", ProjectId.New(TimeProvider.System), "demo", "key:key_1")
        {
            Run = RunId.New(TimeProvider.System),
        };
        var record = new RunRecord(
            identity, ModuleDigest.Of([1]), BundleDigest.Of([1]), "", RunStatus.Running, DateTimeOffset.UnixEpoch);
        return new(record, new ScriptedPolicy(), new AgentPolicy("demo/agent", new(), new())) { TimesLeft = timesLeft };
    }

    private static void LoseOnceAfter<T>(RunHost host, bool isDown = false)
        where T : RunEventData
    {
        var lost = 0;
        host.Journal.IsLostAfter = written =>
        {
            if (written is not T || Interlocked.Exchange(ref lost, 1) != 0)
                return false;
            host.Journal.IsDown = isDown;
            return true;
        };
    }

    private static async Task FailuresAsync(RunHost host, int count)
    {
        while (host.Journal.Failures < count)
            await Task.Yield();
    }

    /// <summary>Waits until another run may be under way.</summary>
    private static async Task PlaceAsync(RunHost host)
    {
        var probe = RunId.New(TimeProvider.System);
        while (host.Ledger.TryOpenRun(host.Caller with { Run = probe }, new RunBudget()) is not null)
            await Task.Yield();
        host.Ledger.CloseRun(probe);
    }
}
