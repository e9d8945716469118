using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Node.Tests.Embeddings;

public sealed class EmbeddingTests(EmbeddingNode fixture) : IClassFixture<EmbeddingNode>
{
    private NodeServer Node => fixture.Node;

    [Fact]
    public async Task The_same_text_gives_the_same_vector_and_another_text_another()
    {
        var first = await EmbeddingNode.VectorAsync(Node, "the green river");
        var other = await EmbeddingNode.VectorAsync(Node, "a small stone in the morning");
        var again = await EmbeddingNode.VectorAsync(Node, "the green river");

        Assert.Equal(96, first.Length);
        Assert.Equal(first, again);
        Assert.Equal(1, EmbeddingNode.Cosine(first, again), 5);
        Assert.True(EmbeddingNode.Cosine(first, other) < 0.99);
    }

    [Fact]
    public async Task Vectors_have_unit_length_however_long_the_text()
    {
        foreach (var words in (int[])[1, 20, 100, 400])
        {
            var vector = await EmbeddingNode.VectorAsync(Node, DemoNode.LongText(words));
            Assert.Equal(1, EmbeddingNode.Cosine(vector, vector), 5);
        }
    }

    [Fact]
    public async Task A_list_is_answered_in_its_order_as_each_text_alone()
    {
        string[] texts = ["the order", "7 letters", DemoNode.LongText(200), "é", "the order"];
        var (_, json) = await DemoNode.PostAsync(Node, "/v1/embeddings", new()
        {
            ["model"] = "demo", ["user"] = "someone", ["input"] = new JsonArray([.. texts.Select(t => (JsonNode)t)]),
        });
        var data = json["data"]!.AsArray();

        Assert.Equal("list", (string?)json["object"]);
        Assert.Equal("demo", (string?)json["model"]);
        Assert.Equal([0, 1, 2, 3, 4], data.Select(d => (int)d!["index"]!));
        Assert.All(data, d => Assert.Equal("embedding", (string?)d!["object"]));
        for (var i = 0; i < texts.Length; i++)
            Assert.Equal(await EmbeddingNode.VectorAsync(Node, texts[i]),
                data[i]!["embedding"]!.AsArray().Select(v => (float)v!));
    }

    [Fact]
    public async Task Tokens_are_an_input_as_well_as_text_and_are_counted()
    {
        var (_, a) = await DemoNode.PostAsync(Node, "/tokenize", new() { ["prompt"] = "the green river" });
        var (_, b) = await DemoNode.PostAsync(Node, "/tokenize", new() { ["prompt"] = "stone" });
        var (tokens, more) = (a["tokens"]!, b["tokens"]!);
        var (_, json) = await DemoNode.PostAsync(Node, "/v1/embeddings", new()
        {
            ["input"] = new JsonArray(tokens.DeepClone(), more.DeepClone()),
        });
        var expected = await EmbeddingNode.VectorAsync(Node, "the green river");

        Assert.Equal(expected, (await EmbeddingNode.VectorsAsync(Node, tokens.DeepClone()))[0]);
        Assert.Equal(expected, json["data"]![0]!["embedding"]!.AsArray().Select(v => (float)v!));
        var count = tokens.AsArray().Count + more.AsArray().Count;
        Assert.Equal(count, (int)json["usage"]!["prompt_tokens"]!);
        Assert.Equal(count, (int)json["usage"]!["total_tokens"]!);
    }

    [Fact]
    public async Task Base64_holds_the_same_floats()
    {
        var (_, json) = await DemoNode.PostAsync(Node, "/v1/embeddings", new()
        {
            ["input"] = "the green river", ["encoding_format"] = "base64",
        });
        var bytes = Convert.FromBase64String((string)json["data"]![0]!["embedding"]!);

        Assert.Equal(await EmbeddingNode.VectorAsync(Node, "the green river"),
            MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }

    [Fact]
    public async Task Beside_generation_both_answer_as_alone()
    {
        var texts = Enumerable.Range(0, 12).Select(i => DemoNode.LongText(30 + (10 * i), i)).ToArray();
        var vectors = new List<float[]>();
        foreach (var text in texts) vectors.Add(await EmbeddingNode.VectorAsync(Node, text));
        var (_, alone) = await DemoNode.PostAsync(Node, "/v1/chat/completions", DemoNode.Chat("tell me", 64));

        var generations = Enumerable.Range(0, 3).Select(_ =>
            DemoNode.PostAsync(Node, "/v1/chat/completions", DemoNode.Chat("tell me", 64))).ToArray();
        var together = await Task.WhenAll(texts.Select(text => EmbeddingNode.VectorAsync(Node, text)));
        foreach (var (status, json) in await Task.WhenAll(generations))
        {
            Assert.Equal(200, status);
            Assert.Equal(DemoNode.Text(alone), DemoNode.Text(json));
        }

        Assert.Equal(vectors, together);
    }

    [Fact]
    public async Task Over_grpc_the_vector_is_the_same()
    {
        var (_, tokens) = await DemoNode.PostAsync(Node, "/tokenize", new() { ["prompt"] = "the green river" });
        using var channel = new RpcChannel(Node.GrpcAddress!);
        var ids = tokens["tokens"]!.AsArray().Select(t => (uint)(int)t!).ToArray();
        var answer = await channel.UnaryAsync(
            VllmEngine.Embed, new EmbedRequest { Tokenized = new() { InputIds = { ids } } });

        Assert.Equal(await EmbeddingNode.VectorAsync(Node, "the green river"), answer.Embedding);
        Assert.Equal((uint)ids.Length, answer.PromptTokens);
        Assert.Equal(96u, answer.EmbeddingDim);
    }
}
