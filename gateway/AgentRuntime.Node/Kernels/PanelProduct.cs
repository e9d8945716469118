using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// A matrix in one of the formats that ggml unpacks into panels from eight vectors on (iqp.cpp, v0.5.0), with other
/// sums than for fewer, as the body of a custom operation of ggml: fewer than eight vectors times IQ4_XS with the sums
/// of a panel (<see cref="CodedRow"/>), or, for IQ1, IQ2 and IQ3, eight and more with the sums of fewer
/// (<c>vec_dot</c>), which takes longer.
/// </summary>
internal static unsafe class PanelProduct
{
    /// <summary>GGML_IQP_MIN_BATCH.</summary>
    public const int PanelVectors = 8;

    /// <summary>Rows of the matrix that a thread takes at once.</summary>
    private const int Rows = 32;

    /// <summary>Bytes of <c>block_q8_K</c>: a scale, 256 elements, 16 sums.</summary>
    private const int GgmlRoundedBytes = 292;

    /// <summary>IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS and IQ3_S.</summary>
    private const ulong Grids = 1ul << 19 | 1ul << 29 | 1ul << 16 | 1ul << 17 | 1ul << 22 | 1ul << 18 | 1ul << 21;

    private static readonly nint RoundRow = CpuBackend.Function("quantize_row_q8_K");
    private static readonly nint TypeTraits = CpuBackend.Function("ggml_get_type_traits_cpu");

    /// <summary>
    /// The body of the operation for a product that ggml would compute otherwise with another number of vectors; 0
    /// where there is none.
    /// </summary>
    /// <param name="node">A product.</param>
    /// <param name="exact">Whether it may take longer than ggml's.</param>
    public static nint Function(GgmlTensor* node, bool exact)
    {
        GgmlTensor* matrix = node->Source(0), vectors = node->Source(1);
        var many = vectors->Counts[1] >= PanelVectors;
        if (!node->IsPlainProduct || matrix->Counts[0] % RoundedBlock.Count != 0 || matrix->Counts[1] % 8 != 0
            || WeightBuffer.IsOfTiles(matrix))
            return 0;
        if (matrix->Type == GgmlTensor.IQ4XS && !many && CodedRow.IsSupported)
            return (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void>)&ComputeFew;
        if (exact && many && ((Grids >> matrix->Type) & 1) != 0 && RoundRow != 0 && TypeTraits != 0)
            return (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void>)&ComputeMany;
        return 0;
    }

    /// <summary>Bytes that the threads share: the vectors, rounded.</summary>
    public static long SharedBytes(GgmlTensor* node) =>
        node->Source(1)->Counts[0] / RoundedBlock.Count * sizeof(RoundedBlock) * node->Source(1)->Counts[1];

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ComputeFew(GgmlTensor* node, int thread, int threads, KernelWork* work)
    {
        GgmlTensor* matrix = node->Source(0), vectors = node->Source(1);
        int inner = (int)matrix->Counts[0], count = (int)matrix->Counts[1], columns = (int)vectors->Counts[1];
        var blocks = inner / RoundedBlock.Count;
        var rounded = (RoundedBlock*)work->Shared;
        while (work->Take(columns, threads, out var c))
            RoundedBlock.Round((float*)(vectors->Data + (c * vectors->Strides[1])), rounded + (c * blocks), inner, 32);
        work->Meet(threads);

        while (work->Take((count + Rows - 1) / Rows, threads, out var item))
        {
            var end = Math.Min((item + 1) * Rows, count);
            for (var r = item * Rows; r < end; r++)
            {
                var row = matrix->Data + (r * matrix->Strides[1]);
                var target = node->Data + (r * sizeof(float));
                if (columns == 1) *(float*)target = CodedRow.Multiply(row, rounded, blocks);
                else CodedRow.Multiply(row, rounded, blocks, columns, target, node->Strides[1]);
            }
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ComputeMany(GgmlTensor* node, int thread, int threads, KernelWork* work)
    {
        GgmlTensor* matrix = node->Source(0), vectors = node->Source(1);
        int inner = (int)matrix->Counts[0], count = (int)matrix->Counts[1], columns = (int)vectors->Counts[1];
        var bytes = (long)inner / RoundedBlock.Count * GgmlRoundedBytes;
        var round = (delegate* unmanaged[Cdecl]<float*, byte*, long, void>)RoundRow;
        while (work->Take(columns, threads, out var c))
            round((float*)(vectors->Data + (c * vectors->Strides[1])), work->Shared + (c * bytes), inner);
        work->Meet(threads);

        var dot = ((delegate* unmanaged[Cdecl]<int, Traits*>)TypeTraits)(matrix->Type)->Dot;
        while (work->Take((count + Rows - 1) / Rows, threads, out var item))
        {
            var end = Math.Min((item + 1) * Rows, count);
            for (var r = item * Rows; r < end; r++)
            {
                var row = matrix->Data + (r * matrix->Strides[1]);
                for (var c = 0; c < columns; c++)
                {
                    var target = (float*)(node->Data + (c * node->Strides[1])) + r;
                    dot(inner, target, 0, row, 0, work->Shared + (c * bytes), 0, 1);
                }
            }
        }
    }

    /// <summary><c>ggml_type_traits_cpu</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Traits
    {
        private readonly nint _round;
        public delegate* unmanaged[Cdecl]<int, float*, nint, byte*, nint, byte*, nint, int, void> Dot;
    }
}
