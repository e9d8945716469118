using System.Collections;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Embeddings;

public sealed class EmbeddingRefusalTests(EmbeddingNode fixture) : IClassFixture<EmbeddingNode>
{
    [Theory]
    [InlineData("""{}""", "AR1004")]
    [InlineData("""{"input":7}""", "AR1004")]
    [InlineData("""{"input":""}""", "AR1004")]
    [InlineData("""{"input":[]}""", "AR1004")]
    [InlineData("""{"input":["x",""]}""", "AR1004")]
    [InlineData("""{"input":["x",[1]],"encoding_format":"hex"}""", "AR1004")]
    [InlineData("""{"input":[[1],[]]}""", "AR1004")]
    [InlineData("""{"input":[1,"x"]}""", "AR1004")]
    [InlineData("""{"input":[-1]}""", "AR1004")]
    [InlineData("""{"input":[99999999]}""", "AR1004")]
    [InlineData("""{"input":"x","dimensions":8}""", "AR1010")]
    public async Task What_is_wrong_is_refused_with_its_code(string body, string code)
    {
        var (status, json) = await DemoNode.PostAsync(
            fixture.Node, "/v1/embeddings", JsonNode.Parse(body)!.AsObject());

        Assert.Equal(400, status);
        Assert.Equal(code, (string?)json["error"]!["code"]);
    }

    [Fact]
    public async Task Texts_are_bounded_in_length_and_number()
    {
        var fits = await PostAsync(Tokens(1024));
        var longer = await PostAsync(Tokens(1025));
        var most = await PostAsync(List(2049, 1));
        var together = await PostAsync(List(300, 1001));

        Assert.Equal((200, null), fits);
        Assert.Equal((400, "AR4006"), longer);
        Assert.Equal((400, "AR1004"), most);
        Assert.Equal((400, "AR4006"), together);
        var (_, unread) = await DemoNode.PostAsync(
            fixture.Node, "/v1/embeddings", new() { ["input"] = new string('a', 1_000_000) });
        Assert.Contains("at least", (string?)unread["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_without_pooling_has_no_embeddings_until_the_operator_asks_for_them()
    {
        await using var node = await DemoNode.StartAsync();
        var (status, json) = await DemoNode.PostAsync(node, "/v1/embeddings", new() { ["input"] = "hello" });

        Assert.Equal(400, status);
        Assert.Equal("AR1010", (string?)json["error"]!["code"]);
        Assert.Contains("--embeddings", (string?)json["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_names_its_pooling_serves_by_it_and_generates_all_the_same()
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-pooling-");
        try
        {
            const string Text = "the green river and a small stone";
            var (_, expected) = await DemoNode.PostAsync(
                fixture.Node, "/v1/chat/completions", DemoNode.Chat("hello", 12));
            var vectors = new Dictionary<int, float[]>();
            foreach (var type in (int[])[1, 2, 3])
            {
                await using var node = await StartAsync(folder, type);
                vectors[type] = await EmbeddingNode.VectorAsync(node, Text);
                var (_, chat) = await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("hello", 12));
                Assert.Equal(DemoNode.Text(expected), DemoNode.Text(chat));
            }

            Assert.Equal(await EmbeddingNode.VectorAsync(fixture.Node, Text), vectors[1]);
            Assert.True(EmbeddingNode.Cosine(vectors[1], vectors[2]) < 0.99);
            Assert.True(EmbeddingNode.Cosine(vectors[1], vectors[3]) < 0.99);
            Assert.True(EmbeddingNode.Cosine(vectors[2], vectors[3]) < 0.99);

            await using var reranker = await StartAsync(folder, 4);
            var (status, json) = await DemoNode.PostAsync(reranker, "/v1/embeddings", new() { ["input"] = Text });
            Assert.Equal((400, "AR1010"), (status, (string?)json["error"]!["code"]));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Where_tokens_look_ahead_a_text_has_to_fit_one_pass()
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-ahead-");
        try
        {
            var path = Path.Combine(folder.FullName, "ahead.gguf");
            NoiseModel.Write(path, new() { PoolingType = 2, Causal = false });
            await using var node = await DemoNode.StartAsync(o => o with { ModelPath = path, BatchTokens = 256 });
            var ends = await EmbeddingNode.VectorsAsync(node, List(1, 256));
            var (status, json) = await DemoNode.PostAsync(node, "/v1/embeddings", new() { ["input"] = Tokens(257) });
            var start = await EmbeddingNode.VectorsAsync(node, Tokens(10));

            Assert.Equal((400, "AR4006"), (status, (string?)json["error"]!["code"]));
            // The first token's vector knows what comes after it.
            Assert.True(EmbeddingNode.Cosine(ends[0], start[0]) < 0.9999);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Adapters_and_unknown_models_have_no_embeddings()
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-adapter-");
        try
        {
            var path = Path.Combine(folder.FullName, "sales.gguf");
            NoiseAdapter.Write(path, new(), seed: 1);
            await using var node = await DemoNode.StartAsync(
                o => o with { Embeddings = true, Adapters = [new("sales", path)] });
            async Task<(int Status, string? Code)> AskAsync(string model)
            {
                var (status, json) = await DemoNode.PostAsync(
                    node, "/v1/embeddings", new() { ["input"] = "x", ["model"] = model });
                return (status, (string?)json["error"]?["code"]);
            }

            Assert.Equal((200, null), await AskAsync("demo"));
            Assert.Equal((400, "AR1010"), await AskAsync("sales"));
            Assert.Equal((404, "AR4012"), await AskAsync("nobody"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_request_too_many_is_refused_and_a_cancelled_one_makes_room()
    {
        await using var node = await DemoNode.StartAsync(o => o with { Embeddings = true, QueuedRequests = 1 });
        var embeddings = node.Service.Embeddings;
        using var goOn = new ManualResetEventSlim();
        using var leave = new CancellationTokenSource();
        var texts = new HeldTexts(goOn);
        // Its thread waits within it, which could be the test's where the first text is done at once.
        var running = Task.Run(() => embeddings.EmbedAsync(texts, leave.Token));
        await texts.Held;
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => embeddings.EmbedAsync([[1]], CancellationToken.None));
        await leave.CancelAsync();
        goOn.Set();

        Assert.Equal(ReasonCodes.Saturated, refused.Error.Code);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Single(await embeddings.EmbedAsync([[1]], CancellationToken.None));
    }

    private static Task<NodeServer> StartAsync(DirectoryInfo folder, int pooling)
    {
        var path = Path.Combine(folder.FullName, $"pooling-{pooling}.gguf");
        NoiseModel.Write(path, new() { PoolingType = pooling });
        return DemoNode.StartAsync(o => o with { ModelPath = path });
    }

    private static JsonArray Tokens(int count) =>
        new([.. Enumerable.Range(0, count).Select(i => (JsonNode)(i % 200))]);

    private static JsonArray List(int texts, int tokens) =>
        new([.. Enumerable.Range(0, texts).Select(_ => (JsonNode)Tokens(tokens))]);

    private async Task<(int Status, string? Code)> PostAsync(JsonNode input)
    {
        var (status, json) = await DemoNode.PostAsync(fixture.Node, "/v1/embeddings", new() { ["input"] = input });
        return (status, (string?)json["error"]?["code"]);
    }

    /// <summary>Two texts, the second of which comes when the test says so.</summary>
    private sealed class HeldTexts(ManualResetEventSlim goOn) : IReadOnlyList<int[]>
    {
        private static readonly int[] Text = [1];

        private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The first text is done, and the second one waited for.</summary>
        public Task Held => _held.Task;

        public int Count => 2;

        public int[] this[int index]
        {
            get
            {
                if (index == 0) return Text;
                _held.TrySetResult();
                goOn.Wait(TimeSpan.FromSeconds(60));
                return Text;
            }
        }

        public IEnumerator<int[]> GetEnumerator() => Enumerable.Repeat(Text, Count).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
