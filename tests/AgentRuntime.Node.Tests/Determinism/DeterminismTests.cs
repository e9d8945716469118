using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Determinism;

/// <summary>
/// A request's answer does not depend on what else the engine does, nor on where its KV state came from (decision
/// 0310), greedy and seeded, over long answers: on a CPU to the last bit of every token's probability, for every kind
/// of weights; on an accelerator the greedy text, with 32-bit cells (decision 0304).
/// </summary>
public sealed class DeterminismTests
{
    private const int Tokens = 160;

    private static readonly ConcurrentDictionary<string, Lazy<string>> Models = new();

    /// <summary>
    /// A plain model and those whose layers have windows, greedy; on the CPU seeded too, and with a mixture of experts:
    /// which of them a token uses follows the smallest difference.
    /// </summary>
    public static TheoryData<double, string> Cases
    {
        get
        {
            var all = new TheoryData<double, string> { { 0, "plain" }, { 0, NoiseKinds.Gemma2 } };
            if (DemoNode.Device != "cpu") return all;
            all.Add(1, "plain");
            all.Add(1, NoiseKinds.Gemma2);
            all.Add(0, NoiseKinds.GptOss);
            all.Add(1, NoiseKinds.GptOss);
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Batched_with_others_and_cached_it_is_the_same(double temperature, string kind)
    {
        await using var node = await StartAsync(kind);
        var expected = await CompleteAsync(node, Body(1, temperature));
        var others = Enumerable.Range(2, 5).Select(i => CompleteAsync(node, Body(i, temperature)));
        var together = await Task.WhenAll(others.Prepend(CompleteAsync(node, Body(1, temperature))));

        Assert.Equal(expected.Answer, together[0].Answer);
        Assert.True(together[0].Cached >= 48);
        AssertOwnAttention(node);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Read_in_small_chunks_beside_others_it_is_the_same(double temperature, string kind)
    {
        await using var node = await StartAsync(kind);
        await using var chunked = await StartAsync(kind, o => o with { BatchTokens = 24, PrefillChunkTokens = 7 });
        var expected = await CompleteAsync(node, Body(1, temperature));
        var together = await Task.WhenAll(
            Enumerable.Range(1, 4).Select(i => CompleteAsync(chunked, Body(i, temperature))));

        Assert.Equal(expected.Answer, together[0].Answer);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Back_from_the_archive_it_is_the_same(double temperature, string kind)
    {
        await using var node = await StartAsync(kind, o => o with { ContextTokens = 512, KvPoolTokens = 512 });
        var (expected, _) = await CompleteAsync(node, Body(1, temperature));
        // Two others fill the pool, so that nothing of the first is left in it.
        for (var i = 2; i < 5; i++) await CompleteAsync(node, Body(i, temperature));
        var (again, cached) = await CompleteAsync(node, Body(1, temperature));

        Assert.Equal(expected, again);
        Assert.True(cached >= 48);
        AssertOwnAttention(node);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task After_losing_its_cells_it_is_the_same(double temperature, string kind)
    {
        await using var roomy = await StartAsync(kind);
        using var hold = new EngineHold();
        await using var tight = await StartAsync(
            kind, o => o with { ContextTokens = 320, KvPoolTokens = 320, GrpcPort = 0 }, hold);
        var expected = new List<string>();
        for (var i = 1; i < 5; i++) expected.Add((await CompleteAsync(roomy, Body(i, temperature))).Answer);
        var asking = Task.WhenAll(Enumerable.Range(1, 4).Select(i => CompleteAsync(tight, Body(i, temperature))));
        await hold.ReleaseOnceItHasAsync(tight, 4);
        var actual = await asking;

        Assert.Equal(expected, actual.Select(a => a.Answer));
        Assert.True(tight.Service.Engine.Counters.Preemptions > 0);
        AssertOwnAttention(tight);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Moved_to_another_node_it_is_the_same(double temperature, string kind)
    {
        await using var prefill = await StartAsync(kind);
        await using var decode = await StartAsync(kind);
        await using var alone = await StartAsync(kind);
        var (expected, _) = await CompleteAsync(alone, Body(1, temperature));

        var leg = Body(1, temperature);
        leg["max_tokens"] = 1;
        leg["kv_transfer_params"] = new JsonObject { ["do_remote_decode"] = true };
        var (_, handed) = await DemoNode.PostAsync(prefill, "/v1/completions", leg);
        var rest = Body(1, temperature);
        rest["kv_transfer_params"] = handed["kv_transfer_params"]!.DeepClone();
        var others = Enumerable.Range(2, 3).Select(i => CompleteAsync(decode, Body(i, temperature)));
        var moved = await Task.WhenAll(others.Prepend(CompleteAsync(decode, rest)));

        Assert.Equal(expected, moved[0].Answer);
        Assert.True(moved[0].Cached > 48);
        AssertOwnAttention(decode);
    }

    [Theory]
    [InlineData(WeightFormat.Float32)]
    [InlineData(WeightFormat.Float16)]
    [InlineData(WeightFormat.Quantized8)]
    public async Task Of_every_kind_of_weights_it_is_the_same(WeightFormat weights)
    {
        if (DemoNode.Device != "cpu") return;
        await AreTheSameAsync(
            DemoNode.Write($"{weights}.gguf", new() { Embedding = 128, Heads = 4, KvHeads = 1, Weights = weights }),
            exact: false);
    }

    [Theory]
    [InlineData(Quantizer.Q4, false)]
    [InlineData(Quantizer.BFloat16, false)]
    [InlineData(Quantizer.Q2K, false)]
    [InlineData(Quantizer.Q4K, false)]
    [InlineData(Quantizer.IQ4XS, false)]
    [InlineData(Quantizer.IQ3S, true)]
    public async Task Of_files_that_llama_cpp_made_it_is_the_same(int type, bool exact)
    {
        // What ggml multiplies in pairs is not the same (decision 0310).
        if (DemoNode.Device != "cpu" || (type == Quantizer.BFloat16 && HasPairs())) return;
        var model = DemoNode.Write("wide.gguf", new() { Embedding = 256, FeedForward = 512, Layers = 2 });
        await AreTheSameAsync(Quantizer.Write(model, type), exact);
    }

    [Theory]
    [InlineData(NoiseKinds.GptOss)]
    [InlineData(NoiseKinds.Gemma2)]
    [InlineData(NoiseKinds.Refact)]
    [InlineData(NoiseKinds.Qwen2Vl)]
    [InlineData(NoiseKinds.Deci)]
    public async Task Of_models_whose_attention_is_not_plain_it_is_the_same(string kind)
    {
        if (DemoNode.Device == "cpu") await AreTheSameAsync(Model(kind), exact: false);
    }

    [Theory]
    [InlineData(Quantizer.Q8)]
    [InlineData(Quantizer.Q4K)]
    public async Task Of_a_mixture_of_experts_it_is_the_same(int type)
    {
        if (DemoNode.Device != "cpu") return;
        var model = DemoNode.Write(
            "experts.gguf", new() { Embedding = 256, FeedForward = 512, Layers = 2, Experts = 8 });
        await AreTheSameAsync(Quantizer.Write(model, type), exact: false);
    }

    private static bool HasPairs()
    {
        DemoNode.LoadLibrary();
        return CpuBackend.HasBFloat16Pairs;
    }

    private static async Task AreTheSameAsync(string model, bool exact)
    {
        NodeOptions Options(NodeOptions o) => o with { ModelPath = model, Exact = exact, Threads = 2 };
        await using var node = await DemoNode.StartAsync(Options);
        await using var chunked = await DemoNode.StartAsync(
            o => Options(o) with { BatchTokens = 24, PrefillChunkTokens = 7 });
        foreach (var temperature in (double[])[0, 1])
        {
            List<string> expected = [];
            for (var i = 1; i < 5; i++) expected.Add((await CompleteAsync(node, Body(i, temperature))).Answer);
            var together = await Task.WhenAll(
                Enumerable.Range(1, 4).Select(i => CompleteAsync(chunked, Body(i, temperature))));
            Assert.Equal(expected, together.Select(a => a.Answer));
        }

        AssertOwnAttention(chunked);
    }

    private static Task<NodeServer> StartAsync(
        string kind, Func<NodeOptions, NodeOptions>? change = null, TimeProvider? time = null) =>
        DemoNode.StartAsync(o => (change ?? (same => same))(o with { ModelPath = Model(kind) }), time);

    private static string Model(string kind) => kind == "plain" ? DemoNode.ModelPath
        : Models.GetOrAdd(kind, k => new(() => NoiseKinds.Write(k))).Value;

    private static void AssertOwnAttention(NodeServer node) =>
        Assert.Equal(0, node.Service.Engine.Counters.AttentionFallbacks);

    private static JsonObject Body(int prompt, double temperature) => new()
    {
        ["prompt"] = DemoNode.LongText(60, 100 + prompt), ["max_tokens"] = Tokens, ["temperature"] = temperature,
        ["seed"] = 4711 + prompt, ["ignore_eos"] = true,
    };

    /// <summary>The answer is the text and, where they must be equal too, the probabilities.</summary>
    private static async Task<(string Answer, int Cached)> CompleteAsync(NodeServer node, JsonObject body)
    {
        if (DemoNode.Device == "cpu") body["logprobs"] = 1;
        var (status, json) = await DemoNode.PostAsync(node, "/v1/completions", body);
        Assert.Equal(200, status);
        return ((string)json["choices"]![0]!["text"]! + json["choices"]![0]!["logprobs"]?.ToJsonString(),
            (int)json["usage"]!["prompt_tokens_details"]!["cached_tokens"]!);
    }
}
