using System.Diagnostics;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>Runs whose process is killed with SIGKILL, again and again, and which go on elsewhere.</summary>
public sealed class RunCrashTests
{
    [Theory]
    [InlineData(2, 9, 11)]
    [InlineData(3, 4, 5)]
    public async Task A_killed_run_goes_on_and_does_nothing_twice(params int[] killAfterMoreEvents)
    {
        await using var shop = await ShopProcess.StartAsync();
        var folder = Directory.CreateTempSubdirectory("agentruntime-crash-");
        await using (var host = await CrashingRun.HostAsync(folder.FullName, shop.Endpoint))
        {
            var run = await host.StartRunAsync("crashing");
            foreach (var events in killAfterMoreEvents)
                await KillAfterAsync(host, run, folder.FullName, shop.Endpoint, events);

            host.Restart();
            host.Work();
            var (ended, all) = await host.EndAsync(run);
            Assert.Equal((RunStatus.Succeeded, null), (ended.Status, ended.Error));
            Assert.Equal(killAfterMoreEvents.Length, all.OfType<RunResumed>().Count());

            // Every round left exactly one refund, at the shop and in the journal, and the agent saw each result.
            Assert.Equal(CrashingRun.Rounds, all.OfType<ToolCompleted>().Count());
            Assert.Equal(
                CrashingRun.Rounds, all.OfType<ToolStarted>().Select(t => t.IdempotencyKey).Distinct().Count());
            Assert.Equal(CrashingRun.Rounds, ended.Output!.Split('\n').Distinct().Count());
            var order = Assert.IsType<ToolOutcome.Succeeded>(await host.Tools.CallAsync(
                new ToolServer("shop", shop.Endpoint),
                new ToolInvocation("lookup_order", JsonElement.Parse("""{"order_id":"ORD-1002"}"""), "check"),
                CancellationToken.None));
            Assert.Equal(
                CrashingRun.RefundedCents, JsonElement.Parse(order.Content).GetProperty("refunded_cents").GetInt64());

            // Each log line and each chat is recorded once; the totals count what is recorded.
            Assert.Equal(
                Enumerable.Range(0, CrashingRun.Rounds).Select(i => $"round {i}"),
                all.OfType<GuestLogged>().Select(l => l.Message));
            var chats = all.OfType<ChatCompleted>().ToList();
            Assert.Equal(CrashingRun.Rounds, chats.Count);
            Assert.Equal(chats.Sum(c => c.CostMicroUsd), ended.Cost.Value);
        }
        folder.Delete(recursive: true);
    }

    /// <summary>Starts a victim and kills it once it has written so many more events.</summary>
    private static async Task KillAfterAsync(RunHost watcher, RunRecord run, string folder, Uri shop, int moreEvents)
    {
        var before = (await EventsAsync(watcher, run)).Count;
        using var victim = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!,
            ["exec", typeof(RunCrashTests).Assembly.Location, folder, shop.ToString()]) { UseShellExecute = false })!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        while (await EventsAsync(watcher, run) is var now && now.Count < before + moreEvents)
        {
            Assert.False(victim.HasExited, "the victim ended by itself");
            Assert.False(patience.IsCancellationRequested, $"the victim got stuck after {now.Count} events");
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, CancellationToken.None);
        }
        victim.Kill();
        await victim.WaitForExitAsync();
    }

    private static ValueTask<IReadOnlyList<RunEvent>> EventsAsync(RunHost host, RunRecord run) =>
        host.Journal.ReadAsync(run.Identity.Run!.Value, 0, 1_000, CancellationToken.None);
}
