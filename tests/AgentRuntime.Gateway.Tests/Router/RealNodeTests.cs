using AgentRuntime.Abstractions;
using Xunit.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The router over real engines: llama.cpp in processes of their own.</summary>
public sealed class RealNodeTests(ITestOutputHelper output) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gateway-nodes");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_prompt_is_read_on_one_node_and_answered_on_another_as_if_on_one()
    {
        if (Absent())
            return;

        var model = RealNode.WriteModel(_folder.FullName);
        await using var a = await RealNode.StartAsync("a", model);
        await using var b = await RealNode.StartAsync("b", model);
        await using var split = await RouterOver(Disaggregation.Always, a, b);
        await using var together = await RouterOver(Disaggregation.Never, a);
        var request = Greedy("Tell me about the sea, the moon and the tides.", tokens: 24);

        var moved = await split.AskAsync(request);
        var colocated = await together.AskAsync(request);

        Assert.True(moved[0].ServedBy!.Disaggregated);
        Assert.False(colocated[0].ServedBy!.Disaggregated);
        Assert.True(moved[^1].Timings!.KvBytes!.Value.Value > 0);
        Assert.NotNull(moved[^1].Timings!.KvTransfer);
        Assert.Equal(24, moved[^1].Usage!.Output.Value);
        Assert.Equal(TextOf(colocated), TextOf(moved));
    }

    [Fact]
    public async Task Two_nodes_killed_in_mid_stream_under_load_break_no_stream()
    {
        if (Absent())
            return;

        const int tokens = 160;
        var model = RealNode.WriteModel(_folder.FullName);
        await using var a = await RealNode.StartAsync("a", model);
        await using var b = await RealNode.StartAsync("b", model);
        await using var c = await RealNode.StartAsync("c", model);
        await using var harness = await RouterOver(Disaggregation.Never, a, b, c);
        var begun = 0;
        var allBegun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var streams = Enumerable.Range(0, 6).Select(async i =>
        {
            var chunks = new List<InferenceChunk>();
            var request = Greedy($"Stream number {i}: {new string((char)('a' + i), 200)}", tokens);
            await foreach (var chunk in harness.Router.GenerateAsync(request, CancellationToken.None))
            {
                if (chunks.Count == 0 && Interlocked.Increment(ref begun) == 6)
                    allBegun.SetResult();
                chunks.Add(chunk);
            }

            return chunks;
        }).ToArray();

        await allBegun.Task.WaitAsync(TimeSpan.FromSeconds(60));
        a.Kill();
        b.Kill();
        var answers = await Task.WhenAll(streams).WaitAsync(TimeSpan.FromSeconds(120));

        Assert.All(answers, answer =>
        {
            Assert.Equal("length", Assert.Single(answer, c => c.FinishReason is not null).FinishReason);
            Assert.InRange(answer[^1].Usage!.Output.Value, tokens - 16, tokens + 16);
        });
        Assert.Contains(answers, answer => answer[0].ServedBy!.DecodeEngine != "c");
    }

    private static Task<RouterHarness> RouterOver(Disaggregation mode, params RealNode[] nodes) =>
        StartAsync([], o => o with
        {
            Disaggregation = mode,
            Engines = [.. nodes.Select(n => n.Descriptor)],
            RetryBurst = 50,
            MaxAttempts = 5,
        });

    private static InferenceRequest Greedy(string prompt, int tokens) =>
        Chat(prompt, ""","temperature":0,"ignore_eos":true""", tokens);

    private bool Absent()
    {
        if (!RealNode.Available)
            output.WriteLine("SKIPPED: the node's native library is not installed; run runtime/scripts/setup");
        return !RealNode.Available;
    }
}
