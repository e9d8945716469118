using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>
/// A platform that goes down at each single write to the journal, just before it is made or just after, and the next
/// one that goes on. The run asks a model, waits, keeps something, calls tools with and without approval, and logs.
/// </summary>
public sealed class CrashAtEveryWriteTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whenever_a_platform_goes_down_its_runs_come_to_the_same_end(bool isWritten)
    {
        await using var server = await TestToolServer.StartAsync();
        await using var host = await HostAsync(server);
        var crashes = 0;
        // A wait that was short for once is a write less: one run that comes to its end is not the last.
        for (var (write, ended) = (1, 0); ended < 3; write++)
            if (await CrashAsync(host, server, write, isWritten))
                (crashes, ended) = (crashes + 1, 0);
            else
                ended++;

        Assert.InRange(crashes, 15, 20);
    }

    /// <summary>False where the run made fewer writes than that, and so came to its end.</summary>
    private static async Task<bool> CrashAsync(RunHost host, TestToolServer server, int write, bool isWritten)
    {
        host.Policy.Approved.Clear();
        var run = await host.StartRunAsync("agent", $"{write}");
        var died = host.Journal.DieAt(write, isWritten);
        host.Work();
        var approving = ApproveAsync(host, run, died);
        var crashed = await Task.WhenAny(died, EndedAsync(host, run)) == died;
        await approving;
        await host.StopWorkersAsync();
        host.Journal.Revive();
        host.Policy.Approved.Clear();
        host.Restart();
        if (crashed)
        {
            host.Work();
            await ApproveAsync(host, run, Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, default));
        }
        else
        {
            await host.ResumeAsync();
        }

        var (ended, events) = await host.EndAsync(run);
        var where = $"write {write}, {(isWritten ? "after" : "before")} it: "
            + string.Join(' ', events.Select(e => e.GetType().Name));
        Assert.True(ended.Status == RunStatus.Succeeded, $"{where}: {ended.Error}");
        Assert.Equal("hello, done, done, hello", ended.Output);
        Assert.True(
            events.OfType<GuestLogged>().Select(l => l.Message).SequenceEqual(["one", "two", "three", "four"]),
            $"{where}: {string.Join(", ", events.OfType<GuestLogged>().Select(l => l.Message))}");
        Assert.True(events.Count(e => e is RunSucceeded or RunFailed or RunCancelled) == 1, where);
        Assert.True(events.OfType<ToolCompleted>().Select(t => t.Call).SequenceEqual([4, 5]), where);
        Assert.True(events.OfType<ToolStarted>().Select(t => t.IdempotencyKey).Distinct().Count() == 2, where);
        Assert.True(events.OfType<ApprovalDecided>().Count() == 1, where);
        Assert.True(events.OfType<ChatCompleted>().Sum(c => c.CostMicroUsd) == ended.Cost.Value, where);
        Assert.True(events.OfType<MemoryCompleted>().Count() == 1, where);

        // Nobody has done the work of a call twice who goes by its key.
        var keys = server.Calls.Select(c => c.Meta!["idempotencyKey"]!.GetValue<string>()).Distinct();
        Assert.True(keys.Count(k => k.StartsWith($"{ended.Identity.Run}:", StringComparison.Ordinal)) == 2, where);
        await host.StopWorkersAsync();
        host.Restart();
        return crashed;
    }

    private static async Task<RunHost> HostAsync(TestToolServer server)
    {
        var host = await RunHost.StartAsync(
            new RunServiceOptions
            {
                Workers = 2,
                PutAwayAfter = TimeSpan.FromMilliseconds(1),
                ApprovalPatience = TimeSpan.FromMinutes(5),
            },
            work: false);
        host.Policy.Tenant = new TenantPolicy(
            new QuotaLimits(),
            [server.Server],
            [ScriptedPolicy.Tool("test/do", """{"type":"object"}""")]) { Memory = [new MemoryBucket("notes")] };
        host.Policy.Rule = call => new Decision(
            call.Arguments.TryGetProperty("ask", out _) && host.Policy.Approved.Count == 0
                ? Verdict.RequireApproval : Verdict.Allow,
            null,
            BundleDigest.Of([1]));
        await host.DeployAsync("agent", async (input, guest) =>
        {
            guest.Log("one");
            var first = await guest.ChatAsync("hi");
            await guest.CallAsync(new HostCall.Sleep(TimeSpan.FromMilliseconds(50)));
            guest.Log("two");
            await guest.CallAsync(new HostCall.Memory(
                MemoryOperation.Set, "notes", $"key {input}", Encoding.UTF8.GetBytes(first), null));
            var plain = await guest.CallToolAsync("test/do", "{}");
            guest.Log("three");
            var asked = await guest.CallToolAsync("test/do", """{"ask":true}""");
            var last = await guest.ChatAsync("bye");
            guest.Log("four");
            return $"{first}, {plain}, {asked}, {last}";
        });
        return host;
    }

    private static async Task EndedAsync(RunHost host, RunRecord run)
    {
        while (await FindAsync(host, run) is not { EndedAt: not null })
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, default);
    }

    /// <summary>
    /// Approves what the run asks for once its journal says that it waits, until it has ended or the platform is down.
    /// </summary>
    private static async Task ApproveAsync(RunHost host, RunRecord run, Task died)
    {
        var approval = new RunApproval(host.Caller, run.Identity.Run!.Value, 5, true, null);
        while (!died.IsCompleted && await FindAsync(host, run) is not { EndedAt: not null })
            if (!await WaitsAsync(host, run)
                || await host.Service.DecideAsync(approval, default) != ApprovalOutcome.Recorded)
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, default);
    }

    private static async Task<bool> WaitsAsync(RunHost host, RunRecord run)
    {
        try
        {
            return await host.Journal.ReadAsync(run.Identity.Run!.Value, 0, 100, default)
                is [.., { Data: RunSuspended }];
        }
        catch (RuntimeErrorException)
        {
            return false;
        }
    }

    /// <summary>Null while the journal is down.</summary>
    private static async Task<RunRecord?> FindAsync(RunHost host, RunRecord run)
    {
        try
        {
            return await host.Journal.FindAsync(host.Caller.Tenant, run.Identity.Run!.Value, default);
        }
        catch (RuntimeErrorException)
        {
            return null;
        }
    }
}
