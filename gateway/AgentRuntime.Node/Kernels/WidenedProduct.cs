using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// A matrix of 16-bit floats times several vectors, as the body of a custom operation of ggml, with the sums that
/// <see cref="VectorProduct"/> has for one. ggml widens an element each time that it multiplies it; without AVX-512 it
/// is much faster to widen some rows once and to multiply all vectors by them.
/// </summary>
internal static unsafe class WidenedProduct
{
    /// <summary>Rows that a thread widens at once; they stay in its second-level cache.</summary>
    private const int Rows = 32;

    /// <summary>Rows, and vectors, that are multiplied at once: as many sums as there are registers for.</summary>
    private const int RowsAtOnce = 4;

    private const int VectorsAtOnce = 2;

    /// <summary>Bytes of vectors that pass all rows before the next do: they stay in the first-level cache.</summary>
    private const int BlockBytes = 20 << 10;

    public static bool Computes(GgmlTensor* node) =>
        VectorProduct.Lanes == 8 && node->Source(1)->Counts[1] > 1 && VectorProduct.Widening(node->Source(0)) != 0
        && VectorProduct.Fits(node);

    /// <summary>Bytes that a thread needs: rows of the matrix, widened.</summary>
    public static long ScratchBytes(GgmlTensor* node) => Rows * node->Source(0)->Counts[0] * sizeof(float);

    /// <summary>Bytes that the threads share: the vectors, rounded.</summary>
    public static long SharedBytes(GgmlTensor* node) =>
        node->Source(1)->Counts[1] * node->Source(1)->Counts[0] * sizeof(float);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void Compute(GgmlTensor* node, int thread, int threads, KernelWork* work)
    {
        GgmlTensor* matrix = node->Source(0), vectors = node->Source(1);
        int inner = (int)matrix->Counts[0], rows = (int)matrix->Counts[1], count = (int)vectors->Counts[1];
        var rounded = (float*)work->Shared;
        for (var v = thread; v < count; v += threads)
            VectorProduct.Round(
                matrix, (float*)(vectors->Data + (v * vectors->Strides[1])), rounded + ((long)v * inner), inner);
        work->Meet(threads);

        var widen = (delegate* unmanaged[Cdecl, SuppressGCTransition]<byte*, float*, long, void>)
            VectorProduct.Widening(matrix);
        var wide = (float*)(work->Scratch + (thread * work->BytesPerThread));
        var block = Math.Max(1, BlockBytes / (inner * sizeof(float) * VectorsAtOnce)) * VectorsAtOnce;
        while (work->Take((rows + Rows - 1) / Rows, threads, out var item))
        {
            var first = item * Rows;
            var some = Math.Min(Rows, rows - first);
            for (var r = 0; r < some; r++)
                widen(matrix->Data + ((first + r) * matrix->Strides[1]), wide + (r * inner), inner);
            for (var v = 0; v < count; v += block)
                Multiply(
                    wide, some, inner, rounded + ((long)v * inner), Math.Min(block, count - v),
                    node->Data + (first * sizeof(float)) + (v * node->Strides[1]), node->Strides[1]);
        }
    }

    private static void Multiply(
        float* rows, int rowCount, int inner, float* vectors, int count, byte* to, long stride)
    {
        for (var r = 0; r < rowCount; r += RowsAtOnce, rows += RowsAtOnce * inner, to += RowsAtOnce * sizeof(float))
        {
            var v = 0;
            for (; v + VectorsAtOnce <= count; v += VectorsAtOnce)
                Two(
                    rows, inner, vectors + ((long)v * inner), (float*)(to + (v * stride)),
                    (float*)(to + ((v + 1) * stride)));
            if (v < count)
                VectorProduct.Multiply<SingleElements>(
                    (byte*)rows, inner * sizeof(float), vectors + ((long)v * inner), inner,
                    (float*)(to + (v * stride)));
        }
    }

    private static void Two(float* rows, int inner, float* vector, float* to0, float* to1)
    {
        float* row1 = rows + inner, row2 = row1 + inner, row3 = row2 + inner, other = vector + inner;
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default;
        for (var i = 0; i < inner; i += 8)
        {
            Vector256<float> a = Vector256.Load(vector + i), b = Vector256.Load(other + i);
            var row = Vector256.Load(rows + i);
            a0 = Fma.MultiplyAdd(row, a, a0);
            b0 = Fma.MultiplyAdd(row, b, b0);
            row = Vector256.Load(row1 + i);
            a1 = Fma.MultiplyAdd(row, a, a1);
            b1 = Fma.MultiplyAdd(row, b, b1);
            row = Vector256.Load(row2 + i);
            a2 = Fma.MultiplyAdd(row, a, a2);
            b2 = Fma.MultiplyAdd(row, b, b2);
            row = Vector256.Load(row3 + i);
            a3 = Fma.MultiplyAdd(row, a, a3);
            b3 = Fma.MultiplyAdd(row, b, b3);
        }

        VectorProduct.Store(a0, a1, a2, a3, to0);
        VectorProduct.Store(b0, b1, b2, b3, to1);
    }
}
