using AgentRuntime.Abstractions;
using AgentRuntime.Node.Models;
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

    [Fact]
    public async Task A_flood_for_the_base_model_on_one_node_sends_its_adapters_requests_to_the_other()
    {
        if (Absent())
            return;

        var model = RealNode.WriteModel(_folder.FullName);
        string[] loras = ["--lora", Adapter("sales", 1), "--lora", Adapter("support", 100)];
        await using var a = await RealNode.StartAsync("a", model, loras);
        await using var b = await RealNode.StartAsync("b", model, loras);
        await using var answers = await HeldAnswers.StartAsync();
        answers.Engine = a.Descriptor.BaseAddress;
        // Only one offers the base model, so that the flood has nowhere else to go.
        await using var harness = await StartAsync([], o => o with
        {
            Engines =
            [
                a.Descriptor with { MaxRunning = 4, BaseAddress = answers.Address },
                b.Descriptor with
                {
                    Models = new Dictionary<string, string> { ["sales"] = "sales", ["support"] = "support" },
                },
            ],
        });
        string[] adapters = ["sales", "support"];
        var alone = new Dictionary<string, string>();
        foreach (var adapter in adapters)
            alone[adapter] = TextOf(await harness.AskAsync(Greedy("Hello to all of you.", 12, adapter)));
        Assert.Equal(3, alone.Values.Append(TextOf(await harness.AskAsync(Greedy("Hello to all of you.", 12))))
            .Distinct().Count());

        answers.Hold();
        using var enough = new CancellationTokenSource();
        var begun = Enumerable.Range(0, 8)
            .Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        var flood = Enumerable.Range(0, 8).Select(async i =>
        {
            var request = Greedy($"{i}: {new string((char)('a' + i), 200)}", 1500);
            try
            {
                await foreach (var chunk in harness.Router.GenerateAsync(request, enough.Token))
                    begun[i].TrySetResult();
                return true;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }).ToArray();
        await Eventually.BecomesTrueAsync(() => begun.Count(t => t.Task.IsCompleted) == 4);
        foreach (var adapter in adapters)
        {
            for (var i = 0; i < 3; i++)
            {
                var chunks = await harness.AskAsync(Greedy("Hello to all of you.", 12, adapter));
                Assert.Equal("b", chunks[0].ServedBy!.DecodeEngine);
                Assert.Equal(alone[adapter], TextOf(chunks));
            }
        }

        Assert.Equal(4, harness.Router.Engines.Single(e => e.Engine.Name == "a").InFlight);
        await enough.CancelAsync();
        Assert.DoesNotContain(true, await Task.WhenAll(flood));
    }

    [Fact]
    public async Task Moved_between_nodes_an_adapter_answers_as_on_one()
    {
        if (Absent())
            return;

        var model = RealNode.WriteModel(_folder.FullName);
        string[] loras = ["--lora", Adapter("sales", 1)];
        await using var a = await RealNode.StartAsync("a", model, loras);
        await using var b = await RealNode.StartAsync("b", model, loras);
        await using var split = await RouterOver(Disaggregation.Always, a, b);
        await using var together = await RouterOver(Disaggregation.Never, a);
        var request = Greedy("Tell me about the sea, the moon and the tides.", 24, "sales");

        var moved = await split.AskAsync(request);

        Assert.True(moved[0].ServedBy!.Disaggregated);
        Assert.True(moved[^1].Timings!.KvBytes!.Value.Value > 0);
        Assert.Equal(TextOf(await together.AskAsync(request)), TextOf(moved));
    }

    private static Task<RouterHarness> RouterOver(Disaggregation mode, params RealNode[] nodes) =>
        StartAsync([], o => o with
        {
            Disaggregation = mode,
            Engines = [.. nodes.Select(n => n.Descriptor)],
            RetryBurst = 50,
            MaxAttempts = 5,
        });

    private static InferenceRequest Greedy(string prompt, int tokens, string model = "m") =>
        Chat(prompt, ""","temperature":0,"ignore_eos":true""", tokens, model: model);

    private string Adapter(string name, int seed)
    {
        var path = Path.Combine(_folder.FullName, name + ".gguf");
        NoiseAdapter.Write(path, new NoiseModelOptions(), seed);
        return $"{name}={path}";
    }

    private bool Absent()
    {
        if (!RealNode.Available)
            output.WriteLine("SKIPPED: the node's native library is not installed; run runtime/scripts/setup");
        return !RealNode.Available;
    }
}
