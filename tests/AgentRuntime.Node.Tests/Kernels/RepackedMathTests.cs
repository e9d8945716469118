using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Kernels;

namespace AgentRuntime.Node.Tests.Kernels;

/// <summary>
/// Sums of repacked formats against ggml's own functions for four vectors at once, bit by bit, on random blocks: also
/// of Q2_K, which ggml only repacks on processors with AVX-512.
/// </summary>
public sealed unsafe class RepackedMathTests
{
    private const int Inner = 1024;
    private const int Rows = 48;
    private const int Vectors = 4;
    private const int Blocks = Inner / RoundedBlock.Count;

    [Theory]
    [InlineData(1, 1f)]
    [InlineData(2, 1e-6f)]
    [InlineData(3, 1e6f)]
    public void Each_vector_has_the_bits_that_ggml_gives_four(int seed, float size)
    {
        DemoNode.LoadLibrary();
        if (CpuBackend.FloatLanes == 0) return;
        Compare<RepackedQ4K>(seed, size);
        Compare<RepackedQ2K>(seed, size);
    }

    private static void Compare<TFormat>(int seed, float size)
        where TFormat : IRepackedFormat
    {
        var random = new Random(seed);
        var weights = new byte[Rows / 8 * Blocks * TFormat.BlockBytes];
        random.NextBytes(weights);
        for (var block = 0; block < weights.Length; block += TFormat.BlockBytes)
            for (var i = 0; i < 16; i++)
                BitConverter.TryWriteBytes(weights.AsSpan(block + (2 * i)), (Half)random.NextSingle());
        // The second vector has a block of zeros, and the third a largest element of both signs.
        var vectors = new float[Vectors * Inner];
        for (var i = 0; i < vectors.Length; i++) vectors[i] = size * (random.NextSingle() - 0.5f);
        vectors.AsSpan(Inner, RoundedBlock.Count).Clear();
        vectors[2 * Inner] = -size;
        vectors[(2 * Inner) + 9] = size;

        float[] expected = new float[Vectors * Rows], actual = new float[Vectors * Rows];
        fixed (byte* matrix = weights, four = new byte[Blocks * 1168])
        fixed (float* from = vectors, theirs = expected, ours = actual)
        fixed (RoundedBlock* rounded = new RoundedBlock[Vectors * Blocks])
        {
            var round = (delegate* unmanaged[Cdecl]<float*, void*, long, void>)CpuBackend.Function(
                "ggml_quantize_mat_q8_K_4x8");
            round(from, four, Inner);
            var multiply =
                (delegate* unmanaged[Cdecl]<int, float*, nint, void*, void*, int, int, void>)TFormat.FourVectors;
            multiply(Inner, theirs, Rows, matrix, four, Vectors, Rows);

            for (var v = 0; v < Vectors; v++)
                RoundedBlock.Round(from + (v * Inner), rounded + (v * Blocks), Inner, TFormat.Part);
            RepackedProduct.Multiply<TFormat>(
                matrix, Rows, rounded, Blocks, 3, (byte*)ours, Rows * sizeof(float));
            RepackedProduct.Multiply<TFormat>(
                matrix, Rows, rounded + (3 * Blocks), Blocks, 1, (byte*)(ours + (3 * Rows)), Rows * sizeof(float));
        }

        Assert.Equal(expected, actual);
        Assert.DoesNotContain(actual, float.IsNaN);
        Assert.True(actual.Distinct().Count() > Rows);
    }
}
