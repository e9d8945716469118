using AgentRuntime.Node;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The edge's JSON, over a real node, against the types that OpenAI publishes.</summary>
public sealed class OpenAiTypesTests(ITestOutputHelper output) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("edge-types");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task What_clients_read_has_the_fields_and_types_of_OpenAI()
    {
        if (!OpenAiTypes.Available || !RealNode.Available)
        {
            output.WriteLine($"{OpenAiTypes.Absent}, or the node's library is not installed");
            return;
        }

        await using var node = await NodeServer.StartAsync(new NodeOptions
        {
            ModelPath = RealNode.WriteModel(_folder.FullName), ModelName = "m", EngineName = "n", ContextTokens = 1024,
            Threads = 1, Embeddings = true,
        });
        await using var edge = await EdgeHarness.StartAsync([], change: o => o with
        {
            Engines = [new EngineDescriptor("n", node.Address, EngineKind.Node)],
        });
        var wire = new OpenAiWire(edge.Client, "m");
        await wire.RecordAsync();
        await wire.RecordEdgeAsync();

        Assert.Empty(await wire.Types.ProblemsAsync());
        Assert.True(wire.Types.CountOf("response.event") > 20);
        Assert.Equal(2, wire.Types.CountOf("response"));
    }
}
