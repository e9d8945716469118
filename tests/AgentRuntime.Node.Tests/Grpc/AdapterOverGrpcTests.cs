using AgentRuntime.Node.Models;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Node.Tests.Grpc;

public sealed class AdapterOverGrpcTests
{
    [Fact]
    public async Task An_adapter_is_chosen_by_its_name_and_answers_as_over_http()
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-adapter-");
        try
        {
            var file = Path.Combine(folder.FullName, "sales.gguf");
            NoiseAdapter.Write(file, new(), seed: 1);
            await using var node = await DemoNode.StartAsync(o => o with
            {
                GrpcPort = 0, Adapters = [new("sales", file)],
            });
            using var channel = new RpcChannel(node.GrpcAddress!);
            var plain = await GenerateAsync(channel, null);
            var adapted = await GenerateAsync(channel, "sales");
            Assert.NotEqual(plain, adapted);

            var (_, json) = await DemoNode.PostAsync(node, "/v1/completions", new()
            {
                ["model"] = "sales", ["prompt"] = "the order of the river", ["max_tokens"] = 24, ["temperature"] = 0,
                ["ignore_eos"] = true,
            });
            var (_, text) = await DemoNode.PostAsync(node, "/detokenize", new()
            {
                ["tokens"] = new System.Text.Json.Nodes.JsonArray([.. adapted.Select(t => (int)t)]),
            });
            Assert.Equal((string?)json["choices"]![0]!["text"], (string?)text["prompt"]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<List<uint>> GenerateAsync(RpcChannel channel, string? adapter)
    {
        var request = new GenerateRequest
        {
            RequestId = $"adapter-{adapter}", Text = "the order of the river",
            SamplingParams = new() { Temperature = 0, MaxTokens = 24, IgnoreEos = true },
        };
        if (adapter is not null) request.LoraName = adapter;
        await using var call = channel.ServerStreaming(VllmEngine.Generate, request);
        var complete = (await call.ReadOnlyAsync()).Complete;
        return [.. complete.OutputIds];
    }
}
