using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Guests;

public sealed class WaitingGuestsTests
{
    [Fact]
    public async Task Many_guests_wait_on_two_threads_and_are_woken_in_any_order_with_none_lost()
    {
        const int Guests = 1_000;
        using var engine = new WasmSandboxEngine(
            ChosenEngine.Create(), new() { MaxGuestThreads = 2, MaxWaitingGuests = Guests }, TimeProvider.System);
        var module = await engine.CompileAsync(Wasm.Dist("digest"), default);
        var waiting = new ISandbox[Guests];
        for (var i = 0; i < Guests; i++)
        {
            waiting[i] = module.Instantiate(new(), new RecordedLog());
            Assert.IsType<SandboxStep.Blocked>(
                await waiting[i].StartAsync(string.Join(' ', Enumerable.Repeat("word", i % 50)), default));
        }

        var order = Enumerable.Range(0, Guests).ToArray();
        new Random(20261120).Shuffle(order);
        var eight = new ParallelOptions { MaxDegreeOfParallelism = 8 };
        await Parallel.ForEachAsync(order, eight, async (i, cancellationToken) =>
        {
            var answer = new ChatResponse($"answer {i}", [], "stop", InferenceUsage.None);
            var step = await waiting[i].ResumeAsync(new HostCallResult.Chat(answer), cancellationToken);

            var lines = i % 50 == 0 ? 0 : 1;
            Assert.Equal(new SandboxStep.Finished($"{lines} lines, {i % 50} words. answer {i}"), step);
            await waiting[i].DisposeAsync();
        });
    }
}
