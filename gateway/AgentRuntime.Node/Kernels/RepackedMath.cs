using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// Eight rows of a repacked matrix times one vector, with the sums that ggml has for four vectors at once
/// (<c>ggml_gemm_q4_K_8x8_q8_K</c>, <c>ggml_gemm_q2_K_8x8_q8_K</c>): integers within a segment, then one fused
/// multiply-add. For one vector ggml adds up a whole block first. Needs AVX2.
/// </summary>
internal static unsafe class RepackedMath
{
    /// <summary>Adds a block's products to eight sums, and what is taken off them in the end to eight others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TFormat>(
        byte* block, RoundedBlock* vector, ref Vector256<float> sums, ref Vector256<float> minima)
        where TFormat : IRepackedFormat
    {
        var scale = AttentionMath.Widen8((short*)block) * vector->Scale;
        var minimum = AttentionMath.Widen8((short*)(block + 16)) * vector->Scale;
        for (var segment = 0; segment < RoundedBlock.Count / TFormat.Segment; segment++)
        {
            var products = TFormat.Products(block, segment, vector->Elements + (segment * TFormat.Segment));
            sums = Fma.MultiplyAdd(Avx.ConvertToVector256Single(products), scale, sums);
            var taken = TFormat.Minima(block, segment, vector->Sums);
            minima = Fma.MultiplyAdd(Avx.ConvertToVector256Single(taken), minimum, minima);
        }
    }

    /// <summary>Eight weights of each of four rows times eight elements, in four words a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Multiply(Vector256<byte> weights, sbyte* elements) =>
        Avx2.MultiplyAddAdjacent(weights, Vector256.Create(*(long*)elements).AsSByte());

    /// <summary>Of eight bytes, four times over, each of the first four in four words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> OfFirstRows(Vector256<byte> bytes) => Avx2.Shuffle(bytes, Vector256.Create(
        0xff00_ff00_ff00_ff00, 0xff01_ff01_ff01_ff01, 0xff02_ff02_ff02_ff02, 0xff03_ff03_ff03_ff03).AsByte()).AsInt16();

    /// <summary>Of eight bytes, four times over, each of the last four in four words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> OfLastRows(Vector256<byte> bytes) => Avx2.Shuffle(bytes, Vector256.Create(
        0xff04_ff04_ff04_ff04, 0xff05_ff05_ff05_ff05, 0xff06_ff06_ff06_ff06, 0xff07_ff07_ff07_ff07).AsByte()).AsInt16();

    /// <summary>Two sums of each of four rows and of four others to one of each, in their order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Fold(Vector256<int> first, Vector256<int> last) =>
        Avx2.Permute4x64(Avx2.HorizontalAdd(first, last).AsInt64(), 0b11_01_10_00).AsInt32();
}
