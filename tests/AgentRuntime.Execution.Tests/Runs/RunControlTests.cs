using System.Runtime.CompilerServices;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class RunControlTests
{
    [Fact]
    public async Task A_running_guest_is_cancelled_at_once()
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
        Assert.True(await CancelAsync(host, run));
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal((RunStatus.Cancelled, ReasonCodes.RunCancelled), (ended.Status, ended.Error!.Code));
        Assert.IsType<RunCancelled>(events[^1]);
    }

    [Fact]
    public async Task A_run_that_waits_for_a_model_is_cancelled_with_its_request()
    {
        await using var host = await RunHost.StartAsync();
        var asked = new TaskCompletionSource<CancellationToken>();
        host.Inference.Answer = (_, token) => Forever(asked, token);
        await host.DeployAsync("agent", async (_, guest) => await guest.ChatAsync("hi"));
        var run = await host.StartRunAsync("agent");
        var token = await asked.Task;
        await CancelAsync(host, run);
        var (ended, _) = await host.EndAsync(run);
        Assert.Equal(RunStatus.Cancelled, ended.Status);
        Assert.True(token.IsCancellationRequested);
    }

    [Fact]
    public async Task A_queued_run_is_cancelled_without_ever_starting()
    {
        await using var host = await RunHost.StartAsync(work: false);
        await host.DeployAsync("agent", (_, _) => throw new InvalidOperationException("must not start"));
        var run = await host.StartRunAsync("agent");
        Assert.True(await CancelAsync(host, run));
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal(RunStatus.Cancelled, ended.Status);
        Assert.IsType<RunCancelled>(Assert.Single(events));
        host.Work();
        await host.DeployAsync("other", (_, _) => Task.FromResult("next"));
        Assert.Equal("next", (await host.EndAsync(await host.StartRunAsync("other"))).Run.Output);
        Assert.Single((await host.EndAsync(run)).Events);
    }

    [Fact]
    public async Task An_ended_run_stays_as_it_is()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await host.RunAsync((_, _) => Task.FromResult("done"));
        Assert.True(await CancelAsync(host, run));
        Assert.Equal(run, (await host.EndAsync(run)).Run);
    }

    [Fact]
    public async Task Another_tenant_can_neither_see_watch_nor_cancel_a_run()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await host.RunAsync((_, _) => Task.FromResult("done"));
        var (id, other) = (run.Identity.Run!.Value, (await host.CallerOfAsync("other", "demo")).Tenant);
        Assert.Null(await host.Service.FindAsync(other, id, CancellationToken.None));
        Assert.False(await host.Service.CancelAsync(other, id, CancellationToken.None));
        await foreach (var e in host.Service.WatchAsync(other, id, 0, CancellationToken.None))
            Assert.Fail($"saw {e}");
    }

    [Fact]
    public async Task A_watcher_gets_each_event_as_it_happens_and_ends_with_the_run()
    {
        await using var host = await RunHost.StartAsync();
        var steps = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource()).ToArray();
        await host.DeployAsync("agent", async (_, guest) =>
        {
            foreach (var step in steps)
            {
                await step.Task;
                await guest.ChatAsync("hi");
            }
            return "done";
        });
        var run = await host.StartRunAsync("agent");
        var seen = new List<RunEvent>();
        await foreach (
            var e in host.Service.WatchAsync(host.Caller.Tenant, run.Identity.Run!.Value, 0, CancellationToken.None))
        {
            seen.Add(e);

            // The guest goes on only once the watcher has seen what came before.
            if (e.Data is RunStarted or ChatCompleted && seen.Count(s => s.Data is ChatCompleted) is var n and < 3)
                steps[n].SetResult();
        }
        Assert.Equal(Enumerable.Range(1, seen.Count).Select(i => (long)i), seen.Select(e => e.Sequence));
        Assert.Equal(3, seen.Count(e => e.Data is ChatCompleted));
        Assert.IsType<RunSucceeded>(seen[^1].Data);
    }

    [Fact]
    public async Task A_watcher_that_comes_back_continues_after_what_it_has_seen()
    {
        await using var host = await RunHost.StartAsync();
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        var rest = new List<RunEvent>();
        await foreach (var e in host.Service.WatchAsync(
            host.Caller.Tenant, run.Identity.Run!.Value, events.Count - 1, CancellationToken.None))
            rest.Add(e);
        Assert.IsType<RunSucceeded>(Assert.Single(rest).Data);
        await foreach (var e in host.Service.WatchAsync(
            host.Caller.Tenant, run.Identity.Run!.Value, events.Count, CancellationToken.None))
            Assert.Fail($"saw {e}");
    }

    private static ValueTask<bool> CancelAsync(RunHost host, RunRecord run) =>
        host.Service.CancelAsync(host.Caller.Tenant, run.Identity.Run!.Value, CancellationToken.None);

    private static async IAsyncEnumerable<InferenceChunk> Forever(
        TaskCompletionSource<CancellationToken> asked, [EnumeratorCancellation] CancellationToken token)
    {
        asked.SetResult(token);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        yield break;
    }
}
