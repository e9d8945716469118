using System.Text.Json.Nodes;

namespace AgentRuntime.Node.Tests.Embeddings;

/// <summary>A node that serves embeddings of the demo model, and how the tests ask it.</summary>
public sealed class EmbeddingNode : IAsyncLifetime
{
    public NodeServer Node { get; private set; } = null!;

    public async Task InitializeAsync() =>
        Node = await DemoNode.StartAsync(o => o with { Embeddings = true, GrpcPort = 0 });

    public async Task DisposeAsync() => await Node.DisposeAsync();

    /// <summary>The vectors of texts or token lists.</summary>
    internal static async Task<float[][]> VectorsAsync(NodeServer node, JsonNode input)
    {
        var (status, json) = await DemoNode.PostAsync(node, "/v1/embeddings", new() { ["input"] = input });
        Assert.True(status == 200, json.ToJsonString());
        return [.. json["data"]!.AsArray().Select(d => d!["embedding"]!.AsArray().Select(v => (float)v!).ToArray())];
    }

    internal static async Task<float[]> VectorAsync(NodeServer node, string text) =>
        (await VectorsAsync(node, text))[0];

    internal static double Cosine(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
}
