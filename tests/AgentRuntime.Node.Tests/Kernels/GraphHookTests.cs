using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Tests.Determinism;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Kernels;

/// <summary>
/// The table of cells against llama.cpp itself: every pass compares what the table says with llama.cpp's mask, and what
/// does not agree is counted.
/// </summary>
public sealed class GraphHookTests
{
    private const int Sequences = 6;

    [Theory]
    [InlineData(1, null)]
    [InlineData(2, null)]
    [InlineData(3, null)]
    [InlineData(4, NoiseKinds.GptOss)]
    [InlineData(5, NoiseKinds.GptOss)]
    [InlineData(6, NoiseKinds.Gemma2)]
    public void Random_passes_shares_removals_and_imports_never_lose_track(int seed, string? kind)
    {
        if (DemoNode.Device != "cpu") return;
        DemoNode.LoadLibrary();
        var options = For(kind);
        using var model = LoadedModel.Load(options);
        using var context = new LlamaContext(model, options);
        var random = new Random(seed);
        var lengths = new int[Sequences];
        for (var step = 0; step < 400; step++)
        {
            var sequence = random.Next(Sequences);
            var other = random.Next(Sequences);
            switch (random.Next(6))
            {
                case 0 when lengths[sequence] > 0:
                    lengths[sequence] = random.Next(lengths[sequence]);
                    context.Truncate(sequence, lengths[sequence]);
                    break;
                case 1 when lengths[other] == 0 && lengths[sequence] > 1:
                    lengths[other] = random.Next(1, lengths[sequence]);
                    context.Share(sequence, other, 0, lengths[other]);
                    break;
                case 2 when lengths[sequence] > 2:
                    var least = Math.Max(0, lengths[sequence] - model.MostMovedTokens);
                    MoveOutAndIn(context, sequence, random.Next(least, lengths[sequence] - 1), lengths[sequence]);
                    break;
                default:
                    Pass(context, random, lengths);
                    break;
            }
        }

        Assert.True(context.Hook!.Computed > 100);
        Assert.Equal(0, context.AttentionFallbacks);
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(NoiseKinds.GptOss, 2)]
    [InlineData(NoiseKinds.Gemma2, 2)]
    [InlineData(NoiseKinds.Refact, 1)]
    [InlineData(NoiseKinds.Qwen2Vl, 1)]
    [InlineData(NoiseKinds.Deci, 3)]
    public void What_the_mask_contradicts_is_left_to_llama_cpp(string? kind, int plans)
    {
        if (DemoNode.Device != "cpu") return;
        DemoNode.LoadLibrary();
        var options = For(kind);
        using var model = LoadedModel.Load(options);
        using var context = new LlamaContext(model, options);
        using var other = new LlamaContext(model, options);
        for (var p = 0; p < 60; p++) Assert.Equal(Logits(other, p), Logits(context, p));

        // A table that has lost everything: the next passes are right all the same, to llama.cpp's own rounding.
        context.Hook!.Table = new(context.PoolTokens, LlamaContext.MostSequences);
        for (var p = 60; p < 64; p++)
        {
            var (expected, actual) = (Logits(other, p), Logits(context, p));
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 0.05);
        }

        Assert.Equal(4 * plans, context.AttentionFallbacks);
        Assert.Equal(0, other.AttentionFallbacks);

        // Another sequence, which it knows all of, is computed here again.
        context.ClearBatch();
        context.Add(5, 0, 1, output: true);
        Assert.Equal(0, context.Decode());
        Assert.Equal(4 * plans, context.AttentionFallbacks);
    }

    private static NodeOptions For(string? kind) =>
        kind is null ? Options : Options with { ModelPath = NoiseKinds.Write(kind) };

    private static NodeOptions Options => DemoNode.Options with { KvPoolTokens = 1024, BatchTokens = 64 };

    private static float[] Logits(LlamaContext context, int position)
    {
        context.ClearBatch();
        var index = context.Add(3 + (position % 7), position, 0, output: true);
        Assert.Equal(0, context.Decode());
        return context.Logits(index).ToArray();
    }

    private static void Pass(LlamaContext context, Random random, int[] lengths)
    {
        if (lengths.Sum() > Options.PoolTokens / 2)
        {
            var longest = Array.IndexOf(lengths, lengths.Max());
            lengths[longest] = 0;
            context.Truncate(longest, 0);
        }

        context.ClearBatch();
        for (var s = 0; s < Sequences; s++)
        {
            var more = random.Next(3) switch { 0 => 0, 1 => 1, _ => random.Next(10) };
            for (var i = 0; i < more; i++) context.Add(random.Next(3, 30), lengths[s]++, s, output: false);
        }

        if (context.BatchCount > 0) Assert.Equal(0, context.Decode());
    }

    private static void MoveOutAndIn(LlamaContext context, int sequence, int from, int to)
    {
        var state = context.Export(sequence, from, to, KvBuffer.Rent);
        context.Remove(sequence, from, to);
        Assert.True(context.Import(state.Span, sequence, from, to));
        state.Return();
    }
}
