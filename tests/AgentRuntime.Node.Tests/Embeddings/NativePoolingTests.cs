using System.Text.Json.Nodes;

namespace AgentRuntime.Node.Tests.Embeddings;

/// <summary>The node's pooling over several passes, measured by llama.cpp's own.</summary>
public sealed class NativePoolingTests(EmbeddingNode fixture) : IClassFixture<EmbeddingNode>
{
    private const int Tokens = 300;
    private const int Mean = 1;
    private const int Last = 3;

    [Fact]
    public async Task The_mean_over_several_passes_is_that_of_llama_cpp_over_one()
    {
        int[] tokens = [.. Enumerable.Range(0, Tokens).Select(i => i * 7 % 250)];
        var ours = (await EmbeddingNode.VectorsAsync(
            fixture.Node, new JsonArray([.. tokens.Select(t => (JsonNode)t)])))[0];

        Assert.Equal(1, EmbeddingNode.Cosine(ours, NativePooling.Of(DemoNode.ModelPath, tokens, Mean)), 5);
        Assert.True(EmbeddingNode.Cosine(ours, NativePooling.Of(DemoNode.ModelPath, tokens, Last)) < 0.99);
    }
}
