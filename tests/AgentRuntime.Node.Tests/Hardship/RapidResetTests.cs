using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Node.Tests.Hardship;

/// <summary>A client that begins requests only to reset them (CVE-2023-44487).</summary>
public sealed class RapidResetTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Requests_that_are_reset_at_once_leave_nothing_behind()
    {
        await using var node = await DemoNode.StartAsync(o => o with { GrpcPort = 0 });
        using var channel = new RpcChannel(node.GrpcAddress!);
        for (var i = 0; i < 400; i++)
        {
            await using var call = channel.ServerStreaming(VllmEngine.Generate, Request(i));
            // Of every tenth the engine has begun to write; the rest are reset wherever they are.
            if (i % 10 == 0) Assert.NotNull(await call.ReadAsync().AsTask().WaitAsync(Patience));
        }

        var counters = node.Service.Engine.Counters;
        await Until(() => (counters.Running, counters.Waiting, node.Service.Leases.Count) == (0, 0, 0));
        Assert.Equal(0, node.Service.Leases.Bytes);
        await using var next = channel.ServerStreaming(VllmEngine.Generate, Request(1000));
        GenerateComplete? complete = null;
        while (await next.ReadAsync().AsTask().WaitAsync(Patience) is { } response) complete ??= response.Complete;
        Assert.Equal("length", complete!.FinishReason);
    }

    private static GenerateRequest Request(int number) => new()
    {
        RequestId = $"r-{number}",
        Tokenized = new() { InputIds = { Enumerable.Range(0, 40).Select(i => (uint)(3 + ((number + i) % 11))) } },
        SamplingParams = new() { MaxTokens = 200, IgnoreEos = true, TopP = 1, RepetitionPenalty = 1, N = 1 },
        KvTransferParamsJson = """{"do_remote_decode":true,"do_remote_prefill":false}""",
        Stream = true,
    };

    private static async Task Until(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(Patience);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition()) await tick.WaitForNextTickAsync(deadline.Token);
    }
}
