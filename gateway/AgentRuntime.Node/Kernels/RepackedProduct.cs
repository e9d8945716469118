using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// A matrix in Q4_K or Q2_K, which ggml has repacked, times vectors whose number is no multiple of four, as the body of
/// a custom operation of ggml: every vector gets the bits that ggml gives four at once. ggml computes what is left over
/// of four with other sums, so that a token would depend on how many others are in its pass. As many as are a multiple
/// of four go to ggml's own function for them; what is left over is computed here.
/// </summary>
internal static unsafe class RepackedProduct
{
    private const int AtOnce = 4;

    /// <summary>Rows of the matrix that are interleaved.</summary>
    private const int Together = 8;

    /// <summary>Rows of the matrix that a thread takes at once.</summary>
    private const int Rows = 64;

    /// <summary>Bytes of <c>block_q8_Kx4</c>: 256 elements of four vectors, interleaved.</summary>
    private const int FourBlockBytes = 1168;

    private static readonly nint RoundFour = CpuBackend.Function("ggml_quantize_mat_q8_K_4x8");

    /// <summary>
    /// The body of the operation for a product that ggml would compute otherwise with another number of vectors; 0
    /// where there is none.
    /// </summary>
    public static nint Function(GgmlTensor* node)
    {
        GgmlTensor* matrix = node->Source(0), vectors = node->Source(1);
        if (!node->IsPlainProduct || vectors->Counts[1] % AtOnce == 0
            || vectors->Strides[1] != vectors->Counts[0] * sizeof(float)
            || !Avx2.IsSupported || !Fma.IsSupported || RoundFour == 0 || !WeightBuffer.IsRepacked(matrix))
            return 0;
        return matrix->Type switch
        {
            GgmlTensor.Q4K when RepackedQ4K.FourVectors != 0 =>
                (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void>)&ComputeQ4K,
            GgmlTensor.Q2K when RepackedQ2K.FourVectors != 0 =>
                (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void>)&ComputeQ2K,
            _ => 0,
        };
    }

    /// <summary>Bytes that the threads share: the vectors, rounded.</summary>
    public static long SharedBytes(GgmlTensor* node)
    {
        var blocks = node->Source(1)->Counts[0] / RoundedBlock.Count;
        var (fours, rest) = Math.DivRem(node->Source(1)->Counts[1], AtOnce);
        return blocks * ((fours * FourBlockBytes) + (rest * sizeof(RoundedBlock)));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ComputeQ4K(GgmlTensor* node, int thread, int threads, KernelWork* work) =>
        Compute<RepackedQ4K>(node, threads, work);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ComputeQ2K(GgmlTensor* node, int thread, int threads, KernelWork* work) =>
        Compute<RepackedQ2K>(node, threads, work);

    private static void Compute<TFormat>(GgmlTensor* node, int threads, KernelWork* work)
        where TFormat : IRepackedFormat
    {
        GgmlTensor* matrix = node->Source(0), vectors = node->Source(1);
        int inner = (int)matrix->Counts[0], count = (int)matrix->Counts[1], blocks = inner / RoundedBlock.Count;
        var (fours, rest) = Math.DivRem((int)vectors->Counts[1], AtOnce);
        var four = work->Shared;
        var single = (RoundedBlock*)(four + ((long)fours * blocks * FourBlockBytes));

        var roundFour = (delegate* unmanaged[Cdecl]<float*, void*, long, void>)RoundFour;
        while (work->Take(fours + rest, threads, out var item))
        {
            if (item < fours)
            {
                var from = vectors->Data + (item * AtOnce * vectors->Strides[1]);
                roundFour((float*)from, four + ((long)item * blocks * FourBlockBytes), inner);
                continue;
            }

            var left = item - fours;
            var vector = (float*)(vectors->Data + (((fours * AtOnce) + left) * vectors->Strides[1]));
            RoundedBlock.Round(vector, single + (left * blocks), inner, TFormat.Part);
        }

        work->Meet(threads);
        var multiply = (delegate* unmanaged[Cdecl]<int, float*, nint, void*, void*, int, int, void>)TFormat.FourVectors;
        var stride = node->Strides[1];
        while (work->Take((count + Rows - 1) / Rows, threads, out var item))
        {
            var first = item * Rows;
            var rows = Math.Min(Rows, count - first);
            var weights = matrix->Data + ((long)first / Together * blocks * TFormat.BlockBytes);
            var to = node->Data + (first * sizeof(float));
            if (fours > 0)
                multiply(inner, (float*)to, (nint)(stride / sizeof(float)), weights, four, fours * AtOnce, rows);
            Multiply<TFormat>(weights, rows, single, blocks, rest, to + (fours * AtOnce * stride), stride);
        }
    }

    /// <summary>Some rows of the matrix times up to three vectors.</summary>
    internal static void Multiply<TFormat>(
        byte* weights, int rows, RoundedBlock* vectors, int blocks, int count, byte* to, long stride)
        where TFormat : IRepackedFormat
    {
        for (var row = 0; row < rows; row += Together)
        {
            Vector256<float> sums0 = default, sums1 = default, sums2 = default;
            Vector256<float> minima0 = default, minima1 = default, minima2 = default;
            for (var block = 0; block < blocks; block++, weights += TFormat.BlockBytes)
            {
                RepackedMath.Add<TFormat>(weights, vectors + block, ref sums0, ref minima0);
                if (count == 1) continue;
                RepackedMath.Add<TFormat>(weights, vectors + blocks + block, ref sums1, ref minima1);
                if (count == 2) continue;
                RepackedMath.Add<TFormat>(weights, vectors + (2 * blocks) + block, ref sums2, ref minima2);
            }

            var target = to + (row * sizeof(float));
            (sums0 - minima0).Store((float*)target);
            if (count > 1) (sums1 - minima1).Store((float*)(target + stride));
            if (count > 2) (sums2 - minima2).Store((float*)(target + (2 * stride)));
        }
    }
}
