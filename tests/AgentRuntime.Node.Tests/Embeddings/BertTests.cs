using System.Text.Json.Nodes;

namespace AgentRuntime.Node.Tests.Embeddings;

/// <summary>A model that only embeds, of the architecture that most embedding models have.</summary>
public sealed class BertTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("agentruntime-bert-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_texts_vector_is_that_of_llama_cpps_own_pooling(int pooling)
    {
        var path = Write(pooling);
        await using var node = await StartAsync(path);
        int[] tokens =
        [
            NoiseBert.Begin, NoiseBert.Id("\u2581the"), NoiseBert.Id("\u2581river"), NoiseBert.Id("s"),
            NoiseBert.Id("\u2581green"), NoiseBert.Id("er"), NoiseBert.End,
        ];

        var ofText = await EmbeddingNode.VectorAsync(node, "The rivers greener");
        var ofTokens = (await EmbeddingNode.VectorsAsync(
            node, new JsonArray([.. tokens.Select(t => (JsonNode)t)])))[0];

        Assert.Equal(1, EmbeddingNode.Cosine(ofText, NativePooling.Of(path, tokens, pooling)), 5);
        Assert.Equal(ofText, ofTokens);
        Assert.True(EmbeddingNode.Cosine(ofText, NativePooling.Of(path, tokens, pooling == 1 ? 2 : 1)) < 0.99);
    }

    [Fact]
    public async Task Words_are_cut_into_pieces_of_the_vocabulary()
    {
        await using var node = await StartAsync(Write(pooling: 1));
        int[] expected =
        [
            NoiseBert.Begin, NoiseBert.Id("\u2581the"), NoiseBert.Id("\u2581cafe"), NoiseBert.Id("\u2581,"),
            NoiseBert.Id("\u2581is"), NoiseBert.Id("\u2581un"), NoiseBert.Id("seen"), NoiseBert.Unknown,
            NoiseBert.Id("\u2581!"), NoiseBert.End,
        ];

        var (status, json) = await DemoNode.PostAsync(
            node, "/tokenize", new() { ["prompt"] = "The CAF\u00c9, is  unseen zebra!" });

        Assert.Equal(200, status);
        Assert.Equal(expected, json["tokens"]!.AsArray().Select(t => (int)t!));
    }

    [Fact]
    public async Task Every_token_sees_those_after_it()
    {
        // The first token's vector alone: in a causal model no later word would change it.
        await using var node = await StartAsync(Write(pooling: 2));

        var one = await EmbeddingNode.VectorAsync(node, "the green river");
        var other = await EmbeddingNode.VectorAsync(node, "the green cafe");

        Assert.True(EmbeddingNode.Cosine(one, other) < 0.999);
    }

    [Fact]
    public async Task Texts_beyond_the_models_positions_are_refused_and_the_longest_is_embedded()
    {
        await using var node = await StartAsync(Write(pooling: 1));
        static JsonObject Body(int tokens) => new()
        {
            ["input"] = new JsonArray([.. Enumerable.Range(0, tokens).Select(i => (JsonNode)(5 + (i % 8)))]),
        };

        var (longest, _) = await DemoNode.PostAsync(node, "/v1/embeddings", Body(NoiseBert.ContextTokens));
        var (status, json) = await DemoNode.PostAsync(node, "/v1/embeddings", Body(NoiseBert.ContextTokens + 1));

        Assert.Equal(200, longest);
        Assert.Equal(400, status);
        Assert.Equal("AR4006", (string?)json["error"]!["code"]);
    }

    [Fact]
    public async Task Text_is_not_asked_of_it_and_it_lives_on()
    {
        await using var node = await StartAsync(Write(pooling: 1));

        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("the river", 4));

        Assert.Equal(400, status);
        Assert.Equal("AR1010", (string?)json["error"]!["code"]);
        Assert.NotEmpty(await EmbeddingNode.VectorAsync(node, "the river"));
        using var http = DemoNode.Client(node);
        using var health = await http.GetAsync(new Uri("/health", UriKind.Relative));
        Assert.True(health.IsSuccessStatusCode);
    }

    private string Write(int pooling)
    {
        var path = Path.Combine(_folder.FullName, $"{pooling}.gguf");
        NoiseBert.Write(path, pooling);
        return path;
    }

    private static Task<NodeServer> StartAsync(string path) =>
        DemoNode.StartAsync(o => o with { ModelPath = path, ModelName = "demo" });
}
