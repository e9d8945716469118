using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// A matrix of 16- or 32-bit floats times one vector, as the body of a custom operation of ggml: the same bits that
/// ggml gets for that vector among others. ggml computes one vector by itself with other sums (<c>vec_dot</c>) than
/// two or more (<c>tinyBLAS</c> of llamafile/sgemm.cpp, v0.5.0), so that a token would be another alone.
/// </summary>
internal static unsafe class VectorProduct
{
    /// <summary>Rows that a thread takes at once.</summary>
    private const int Rows = 32;

    /// <summary>Numbers that ggml's build for this processor adds up side by side; 0 where that is not known.</summary>
    private static readonly int Lanes = Avx512F.IsSupported ? 16 : Fma.IsSupported && Avx2.IsSupported ? 8 : 0;

    /// <summary>Whether ggml's sums on this processor are known.</summary>
    public static bool IsKnown => Lanes > 0;

    /// <summary>Whether a node is a product that ggml would compute otherwise among others.</summary>
    public static bool Computes(GgmlTensor* node)
    {
        GgmlTensor* matrix = node->Source(0), vector = node->Source(1);
        return Lanes > 0
            && (matrix->Type == GgmlTensor.Float16 || matrix->Type == GgmlTensor.Float32)
            && vector->Type == GgmlTensor.Float32 && vector->Strides[0] == sizeof(float)
            && vector->Counts[1] == 1 && vector->Counts[2] == 1 && vector->Counts[3] == 1
            && matrix->Counts[2] == 1 && matrix->Counts[3] == 1
            && matrix->Counts[0] % Lanes == 0 && matrix->Counts[1] % 4 == 0;
    }

    /// <summary>Bytes that a thread needs.</summary>
    public static long ScratchBytes(GgmlTensor* node) => ((node->Source(1)->Counts[0] * sizeof(float)) + 127) & ~127L;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void Compute(GgmlTensor* node, int thread, int threads, KernelWork* work)
    {
        GgmlTensor* matrix = node->Source(0);
        int inner = (int)matrix->Counts[0], count = (int)matrix->Counts[1];
        var vector = (float*)node->Source(1)->Data;
        var isHalf = matrix->Type == GgmlTensor.Float16;
        if (isHalf)
        {
            var rounded = (float*)(work->Scratch + (thread * work->BytesPerThread));
            RoundToHalf(vector, rounded, inner);
            vector = rounded;
        }

        var result = (float*)node->Data;
        var items = (count + Rows - 1) / Rows;
        while (work->Take(items, threads, out var item))
        {
            var end = Math.Min((item + 1) * Rows, count);
            // One row after the other: memory comes fastest in one stream.
            for (var r = item * Rows; r < end; r++)
            {
                var row = matrix->Data + (r * matrix->Strides[1]);
                result[r] = isHalf ? Row((short*)row, vector, inner) : Row((float*)row, vector, inner);
            }
        }
    }

    private static float Row<T>(T* row, float* vector, int count)
        where T : unmanaged
    {
        if (Avx512F.IsSupported)
        {
            Vector512<float> sums = default;
            for (var i = 0; i < count; i += 16)
                sums = Avx512F.FusedMultiplyAdd(Load16(row + i), Vector512.Load(vector + i), sums);
            return Sum(sums.GetLower() + sums.GetUpper());
        }

        Vector256<float> eight = default;
        for (var i = 0; i < count; i += 8)
            eight = Fma.MultiplyAdd(Load8(row + i), Vector256.Load(vector + i), eight);
        return Sum(eight);
    }

    private static Vector512<float> Load16<T>(T* from)
        where T : unmanaged =>
        typeof(T) == typeof(short) ? AttentionMath.Widen16((short*)from) : Vector512.Load((float*)from);

    private static Vector256<float> Load8<T>(T* from)
        where T : unmanaged =>
        typeof(T) == typeof(short) ? AttentionMath.Widen8((short*)from) : Vector256.Load((float*)from);

    /// <summary>In the order of sgemm.cpp's <c>hsum</c>.</summary>
    private static float Sum(Vector256<float> sums)
    {
        var four = sums.GetLower() + sums.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    /// <summary>To the nearest half, ties to even, as ggml rounds a vector for a matrix of halves.</summary>
    internal static void RoundToHalf(float* source, float* target, int count)
    {
        // A half's fraction ends at bit 13 of a single's. Below 2^-14 halves are multiples of 2^-24, as singles from
        // a half to one are.
        var i = 0;
        for (; i <= count - 8; i += 8)
        {
            var value = Vector256.Load(source + i);
            var size = Vector256.Abs(value);
            var bits = size.AsUInt32();
            var odd = (bits >> 13) & Vector256<uint>.One;
            var normal = ((bits + Vector256.Create(0xfffu) + odd) & Vector256.Create(0xffffe000u)).AsSingle();
            var small = (size + Vector256.Create(0.5f)) - Vector256.Create(0.5f);
            var rounded = Vector256.ConditionalSelect(
                Vector256.LessThan(size, Vector256.Create(6.1035156e-5f)), small, normal);
            rounded = Vector256.ConditionalSelect(
                Vector256.GreaterThan(rounded, Vector256.Create(65504f)),
                Vector256.Create(float.PositiveInfinity), rounded);
            Vector256.CopySign(rounded, value).Store(target + i);
        }

        for (; i < count; i++) target[i] = (float)(Half)source[i];
    }
}
