using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// A matrix of floats (F32, F16, BF16) times one vector, as the body of a custom operation of ggml: the same bits that
/// ggml gets for that vector among others. ggml computes one vector by itself with other sums (<c>vec_dot</c>) than
/// two or more (<c>tinyBLAS</c> of llamafile/sgemm.cpp, v0.5.0), so that a token would be another alone. Not BF16 where
/// ggml multiplies it in pairs: that instruction is not to be had here.
/// </summary>
internal static unsafe class VectorProduct
{
    /// <summary>Rows that a thread takes at once.</summary>
    private const int Rows = 32;

    /// <summary>Rows that are added up side by side: each sum waits for the one before it.</summary>
    private const int AtOnce = 4;

    /// <summary>Numbers that ggml adds up side by side; 0 where that is not known, or not to be had here.</summary>
    internal static readonly int Lanes = CpuBackend.FloatLanes switch
    {
        16 when Avx512F.IsSupported => 16,
        8 when Fma.IsSupported && Avx2.IsSupported => 8,
        _ => 0,
    };

    /// <summary>ggml has the processor's instruction for it, which is not to be had here.</summary>
    private static readonly nint WidenHalves = CpuBackend.Function("ggml_cpu_fp16_to_fp32");

    private static readonly nint WidenBFloat16 = CpuBackend.Function("ggml_cpu_bf16_to_fp32");

    /// <summary>Whether a node is a product that ggml would compute otherwise among others.</summary>
    public static bool Computes(GgmlTensor* node)
    {
        GgmlTensor* matrix = node->Source(0), vector = node->Source(1);
        return vector->Counts[1] == 1 && (matrix->Type == GgmlTensor.Float32 || Widening(matrix) != 0) && Fits(node);
    }

    /// <summary>Whether the sums are those of ggml for the shape of a product.</summary>
    internal static bool Fits(GgmlTensor* node)
    {
        var matrix = node->Source(0);
        return Lanes > 0 && node->IsPlainProduct
            && matrix->Counts[0] % Lanes == 0 && matrix->Counts[1] % AtOnce == 0 && !WeightBuffer.IsOfTiles(matrix);
    }

    /// <summary>
    /// ggml's function that widens elements of a matrix; 0 where they are singles, or ggml multiplies them otherwise.
    /// </summary>
    internal static nint Widening(GgmlTensor* matrix) => matrix->Type switch
    {
        GgmlTensor.Float16 => WidenHalves,
        GgmlTensor.BFloat16 when !CpuBackend.HasBFloat16Pairs => WidenBFloat16,
        _ => 0,
    };

    /// <summary>Rounds a vector as ggml does for a matrix of 16-bit floats.</summary>
    internal static void Round(GgmlTensor* matrix, float* vector, float* rounded, int count)
    {
        if (matrix->Type == GgmlTensor.Float16) RoundToHalf(vector, rounded, count);
        else RoundToBFloat16(vector, rounded, count);
    }

    /// <summary>Bytes that a thread needs: the vector, rounded.</summary>
    public static long ScratchBytes(GgmlTensor* node) => ((node->Source(1)->Counts[0] * sizeof(float)) + 127) & ~127L;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void Compute(GgmlTensor* node, int thread, int threads, KernelWork* work)
    {
        GgmlTensor* matrix = node->Source(0);
        var inner = (int)matrix->Counts[0];
        var vector = (float*)node->Source(1)->Data;
        var rounded = (float*)(work->Scratch + (thread * work->BytesPerThread));
        if (Widening(matrix) != 0)
        {
            Round(matrix, vector, rounded, inner);
            vector = rounded;
        }

        switch (matrix->Type)
        {
            case GgmlTensor.Float32:
                Multiply<SingleElements>(node, vector, threads, work);
                break;
            case GgmlTensor.BFloat16:
                Multiply<BFloat16Elements>(node, vector, threads, work);
                break;
            default:
                Multiply<HalfElements>(node, vector, threads, work);
                break;
        }
    }

    private static void Multiply<TElements>(GgmlTensor* node, float* vector, int threads, KernelWork* work)
        where TElements : struct, IMatrixElements
    {
        var matrix = node->Source(0);
        int inner = (int)matrix->Counts[0], count = (int)matrix->Counts[1];
        var result = (float*)node->Data;
        while (work->Take((count + Rows - 1) / Rows, threads, out var item))
        {
            var end = Math.Min((item + 1) * Rows, count);
            for (var r = item * Rows; r < end; r += AtOnce)
                Multiply<TElements>(
                    matrix->Data + (r * matrix->Strides[1]), matrix->Strides[1], vector, inner, result + r);
        }
    }

    /// <summary>Four rows, so many bytes apart, times a vector.</summary>
    internal static void Multiply<TElements>(byte* rows, long stride, float* vector, int count, float* to)
        where TElements : struct, IMatrixElements
    {
        byte* row1 = rows + stride, row2 = row1 + stride, row3 = row2 + stride;
        Vector256<float> sum0, sum1, sum2, sum3;
        long bytes = TElements.Bytes;
        // Four rows one beside the other are four streams from memory; what comes after them is fetched as one.
        var next = row3 + stride;
        if (Lanes == 16)
        {
            Vector512<float> wide0 = default, wide1 = default, wide2 = default, wide3 = default;
            for (long i = 0; i < count; i += 16)
            {
                var element = Vector512.Load(vector + i);
                var at = i * bytes;
                Fetch(next + (AtOnce * at), AtOnce * 16 * bytes);
                wide0 = Avx512F.FusedMultiplyAdd(TElements.Sixteen(rows + at), element, wide0);
                wide1 = Avx512F.FusedMultiplyAdd(TElements.Sixteen(row1 + at), element, wide1);
                wide2 = Avx512F.FusedMultiplyAdd(TElements.Sixteen(row2 + at), element, wide2);
                wide3 = Avx512F.FusedMultiplyAdd(TElements.Sixteen(row3 + at), element, wide3);
            }

            sum0 = wide0.GetLower() + wide0.GetUpper();
            sum1 = wide1.GetLower() + wide1.GetUpper();
            sum2 = wide2.GetLower() + wide2.GetUpper();
            sum3 = wide3.GetLower() + wide3.GetUpper();
        }
        else
        {
            sum0 = sum1 = sum2 = sum3 = default;
            for (long i = 0; i < count; i += 8)
            {
                var element = Vector256.Load(vector + i);
                var at = i * bytes;
                Fetch(next + (AtOnce * at), AtOnce * 8 * bytes);
                sum0 = Fma.MultiplyAdd(TElements.Eight(rows + at), element, sum0);
                sum1 = Fma.MultiplyAdd(TElements.Eight(row1 + at), element, sum1);
                sum2 = Fma.MultiplyAdd(TElements.Eight(row2 + at), element, sum2);
                sum3 = Fma.MultiplyAdd(TElements.Eight(row3 + at), element, sum3);
            }
        }

        Store(sum0, sum1, sum2, sum3, to);
    }

    /// <summary>Has the processor fetch 64 to 256 bytes that may be read soon; they need not exist.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(byte* from, long bytes)
    {
        Sse.Prefetch0(from);
        if (bytes > 64) Sse.Prefetch0(from + 64);
        if (bytes <= 128) return;
        Sse.Prefetch0(from + 128);
        Sse.Prefetch0(from + 192);
    }

    /// <summary>The results of four rows.</summary>
    internal static void Store(
        Vector256<float> sum0, Vector256<float> sum1, Vector256<float> sum2, Vector256<float> sum3, float* to)
    {
        to[0] = Sum(sum0);
        to[1] = Sum(sum1);
        to[2] = Sum(sum2);
        to[3] = Sum(sum3);
    }

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

    /// <summary>To the nearest BF16, ties to even.</summary>
    internal static void RoundToBFloat16(float* source, float* target, int count)
    {
        for (var i = 0; i < count; i += 8)
        {
            var bits = Vector256.Load(source + i).AsUInt32();
            var odd = (bits >> 16) & Vector256<uint>.One;
            ((bits + Vector256.Create(0x7fffu) + odd) & Vector256.Create(0xffff0000u)).AsSingle().Store(target + i);
        }
    }
}
