using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>
/// The run of the crash tests: ten rounds of a log line, a chat and a refund. The same in the process that is killed
/// and in the one that continues.
/// </summary>
internal static class CrashingRun
{
    public const int Rounds = 10;

    /// <summary>
    /// How many chats a victim gets answered: enough for its killer to see the events that it waits for, and too few
    /// for three victims to end the run, however late they are killed.
    /// </summary>
    private const int ChatsOfAVictim = 3;

    /// <summary>1 + 2 + … + 10 cents.</summary>
    public const long RefundedCents = Rounds * (Rounds + 1) / 2;

    /// <summary>A host over a folder, with the shop's tools granted and the agent deployed.</summary>
    public static async Task<RunHost> HostAsync(string folder, Uri shop)
    {
        var host = await RunHost.StartAsync(
            new RunServiceOptions { MaxAttempts = 50, Workers = 2 }, work: false, folder);
        host.Policy.Tenant = new TenantPolicy(
            new QuotaLimits(), [new ToolServer("shop", shop)], ShopProcess.Pins);
        await host.DeployAsync("crashing", RefundAsync);
        return host;
    }

    /// <summary>What the victim does: works, and then waits for an answer, until it is killed.</summary>
    public static async Task ExecuteAsync(string folder, Uri shop)
    {
        await using var host = await HostAsync(folder, shop);
        var answer = host.Inference.Answer;
        var chats = 0;
        host.Inference.Answer = (request, cancellationToken) =>
            Interlocked.Increment(ref chats) <= ChatsOfAVictim ? answer(request, cancellationToken) : Never();
        host.Work();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
    }

    private static async IAsyncEnumerable<InferenceChunk> Never()
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
        yield break;
    }

    private static async Task<string> RefundAsync(string input, ScriptedGuest guest)
    {
        var refunds = new List<string>();
        for (var round = 0; round < Rounds; round++)
        {
            guest.Log($"round {round}");
            var text = await guest.ChatAsync($"round {round}");
            await guest.CallAsync(new HostCall.Sleep(TimeSpan.FromMilliseconds(1)));
            refunds.Add(await guest.CallToolAsync(
                "shop/refund", $$"""{"order_id":"ORD-1002","amount_cents":{{round + 1}},"reason":"{{text}}"}"""));
        }
        return string.Join('\n', refunds);
    }
}
