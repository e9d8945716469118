using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// A format of ggml of which eight rows were interleaved (repack.h, v0.5.0). A block has 256 weights of each row; it
/// begins with a scale and a minimum for each row in half precision, and has of every group of weights eight bytes a
/// row. Needs AVX2.
/// </summary>
internal unsafe interface IRepackedFormat
{
    /// <summary>Bytes of a block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Weights of a row that share a scale of their own.</summary>
    static abstract int Part { get; }

    /// <summary>Weights of a row whose products ggml adds up as integers, for four vectors at once.</summary>
    static abstract int Segment { get; }

    /// <summary>ggml's function for four vectors and more; 0 where its library has none.</summary>
    static abstract nint FourVectors { get; }

    /// <summary>A segment of eight rows times a vector's elements.</summary>
    static abstract Vector256<int> Products(byte* block, int segment, sbyte* elements);

    /// <summary>
    /// What a segment's minima take off eight rows: their products with sums of the vector's elements, two parts a
    /// word.
    /// </summary>
    static abstract Vector256<int> Minima(byte* block, int segment, int* sums);
}

/// <summary><c>block_q4_Kx8</c>: four bits a weight, scales and minima of six bits.</summary>
internal readonly unsafe struct RepackedQ4K : IRepackedFormat
{
    private const uint Six = 0x3f3f3f3f;
    private const uint Four = 0x0f0f0f0f;
    private const uint Two = 0x03030303;
    private const int Scales = 32;
    private const int Weights = Scales + 96;

    public static int BlockBytes => Weights + 1024;

    public static int Part => 32;

    public static int Segment => 64;

    public static nint FourVectors { get; } = CpuBackend.Function("ggml_gemm_q4_K_8x8_q8_K");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Products(byte* block, int segment, sbyte* elements)
    {
        var packed = (uint*)(block + Scales + (segment * 24));
        Vector256<byte> first = Scale(packed), second = Scale(packed + 3);
        var weights = block + Weights + (segment * 256);
        return RepackedMath.Fold(
            Half(weights, elements, RepackedMath.OfFirstRows(first), RepackedMath.OfFirstRows(second)),
            Half(weights + 32, elements, RepackedMath.OfLastRows(first), RepackedMath.OfLastRows(second)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Minima(byte* block, int segment, int* sums)
    {
        var packed = (uint*)(block + Scales + (segment * 24));
        var minima = Avx2.ConvertToVector256Int16(Sse2.UnpackLow(Minimum(packed), Minimum(packed + 3)));
        return Avx2.MultiplyAddAdjacent(minima, Vector256.Create(sums[segment]).AsInt16());
    }

    /// <summary>Four rows: a byte has a weight of the segment's first half below and one of its second above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Half(
        byte* weights, sbyte* elements, Vector256<short> firstScale, Vector256<short> secondScale)
    {
        var low = Vector256.Create((byte)0x0f);
        var w0 = Vector256.Load(weights);
        var w1 = Vector256.Load(weights + 64);
        var w2 = Vector256.Load(weights + 128);
        var w3 = Vector256.Load(weights + 192);
        var first = RepackedMath.Multiply(w0 & low, elements) + RepackedMath.Multiply(w1 & low, elements + 8)
            + RepackedMath.Multiply(w2 & low, elements + 16) + RepackedMath.Multiply(w3 & low, elements + 24);
        var second = RepackedMath.Multiply((w0.AsUInt16() >> 4).AsByte() & low, elements + 32)
            + RepackedMath.Multiply((w1.AsUInt16() >> 4).AsByte() & low, elements + 40)
            + RepackedMath.Multiply((w2.AsUInt16() >> 4).AsByte() & low, elements + 48)
            + RepackedMath.Multiply((w3.AsUInt16() >> 4).AsByte() & low, elements + 56);
        return Avx2.MultiplyAddAdjacent(first, firstScale) + Avx2.MultiplyAddAdjacent(second, secondScale);
    }

    /// <summary>Of twelve bytes, which hold the scales and minima of a part of eight rows, the scales.</summary>
    private static Vector256<byte> Scale(uint* packed) => Vector256.Create(
        (packed[0] & Six) | ((ulong)((packed[2] & Four) | (((packed[0] >> 6) & Two) << 4)) << 32)).AsByte();

    private static Vector128<byte> Minimum(uint* packed) => Vector128.CreateScalar(
        (packed[1] & Six) | ((ulong)(((packed[2] >> 4) & Four) | (((packed[1] >> 6) & Two) << 4)) << 32)).AsByte();
}

/// <summary><c>block_q2_Kx8</c>: two bits a weight, scales and minima of four bits.</summary>
internal readonly unsafe struct RepackedQ2K : IRepackedFormat
{
    private const int Scales = 32;
    private const int Weights = Scales + 128;

    public static int BlockBytes => Weights + 512;

    public static int Part => 16;

    public static int Segment => 128;

    public static nint FourVectors { get; } = CpuBackend.Function("ggml_gemm_q2_K_8x8_q8_K");

    public static Vector256<int> Products(byte* block, int segment, sbyte* elements)
    {
        // A byte has weights of four groups of 32; of sixteen bytes of scales each row has two, for a group's halves.
        Vector256<int> first = default, last = default;
        for (var group = 0; group < 4; group++, elements += 32)
        {
            var both = Vector128.Load(block + Scales + (segment * 64) + (group * 16)) & Vector128.Create((byte)0x0f);
            var even = Sse2.PackUnsignedSaturate(both.AsInt16() & Vector128.Create((short)0xff), default);
            var odd = Sse2.PackUnsignedSaturate((both.AsUInt16() >> 8).AsInt16(), default);
            Vector256<byte> front = Vector256.Create(even.AsUInt64()[0]).AsByte();
            Vector256<byte> back = Vector256.Create(odd.AsUInt64()[0]).AsByte();
            var weights = block + Weights + (segment * 256);
            first += Half(
                weights, group, elements, RepackedMath.OfFirstRows(front), RepackedMath.OfFirstRows(back));
            last += Half(
                weights + 32, group, elements, RepackedMath.OfLastRows(front), RepackedMath.OfLastRows(back));
        }

        return RepackedMath.Fold(first, last);
    }

    public static Vector256<int> Minima(byte* block, int segment, int* sums)
    {
        Vector256<int> total = default;
        for (var pair = segment * 4; pair < (segment + 1) * 4; pair++)
        {
            var both = Vector128.Load(block + Scales + (pair * 16));
            var minima = Avx2.ConvertToVector256Int16((both.AsUInt16() >> 4).AsByte() & Vector128.Create((byte)0x0f));
            total += Avx2.MultiplyAddAdjacent(minima, Vector256.Create(sums[pair]).AsInt16());
        }

        return total;
    }

    /// <summary>Four rows of a group.</summary>
    private static Vector256<int> Half(
        byte* weights, int group, sbyte* elements, Vector256<short> frontScale, Vector256<short> backScale)
    {
        Vector256<byte> Group(int bytes) =>
            (Vector256.Load(weights + bytes).AsUInt16() >> (2 * group)).AsByte() & Vector256.Create((byte)3);
        var front = RepackedMath.Multiply(Group(0), elements) + RepackedMath.Multiply(Group(64), elements + 8);
        var back = RepackedMath.Multiply(Group(128), elements + 16) + RepackedMath.Multiply(Group(192), elements + 24);
        return Avx2.MultiplyAddAdjacent(front, frontScale) + Avx2.MultiplyAddAdjacent(back, backScale);
    }
}
