using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// A row in IQ4_XS (<c>block_iq4_xs</c>: codes of four bits for sixteen values, scales of six) times vectors, with the
/// sums of ggml's panels (iqp.cpp, v0.5.0): integers within a block, then one fused multiply-add.
/// </summary>
internal static unsafe class CodedRow
{
    private const int BlockBytes = Codes + 128;
    private const int Codes = 8;
    private const int Part = 32;
    private const int Parts = RoundedBlock.Count / Part;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported && Bmi2.X64.IsSupported;

    /// <summary>One vector.</summary>
    public static float Multiply(byte* row, RoundedBlock* vector, int blocks)
    {
        var sum = 0f;
        for (var block = 0; block < blocks; block++, row += BlockBytes, vector++)
        {
            var scales = Scales(row);
            var elements = vector->Elements;
            var total = TwoParts(row, elements, scales, 0) + TwoParts(row, elements, scales, 2)
                + TwoParts(row, elements, scales, 4) + TwoParts(row, elements, scales, 6);
            var factor = AttentionMath.Widen(*(short*)row) * vector->Scale;
            sum = MathF.FusedMultiplyAdd(Vector256.Sum(total), factor, sum);
        }

        return sum;
    }

    /// <summary>
    /// Several vectors, fewer than <see cref="PanelProduct.PanelVectors"/>: a block is unpacked once.
    /// </summary>
    [SkipLocalsInit]
    public static void Multiply(byte* row, RoundedBlock* vectors, int blocks, int columns, byte* target, long stride)
    {
        var sums = stackalloc float[PanelProduct.PanelVectors];
        var weights = stackalloc Vector256<sbyte>[Parts];
        var scales = stackalloc Vector256<short>[Parts];
        new Span<float>(sums, PanelProduct.PanelVectors).Clear();
        for (var block = 0; block < blocks; block++, row += BlockBytes)
        {
            var all = Scales(row);
            for (var part = 0; part < Parts; part += 2) Unpack(row, part, out weights[part], out weights[part + 1]);
            for (var part = 0; part < Parts; part++) scales[part] = Scale(all, part);

            var factor = AttentionMath.Widen(*(short*)row);
            for (var c = 0; c < columns; c++)
            {
                var vector = vectors + (c * blocks) + block;
                var total = Vector256<int>.Zero;
                for (var part = 0; part < Parts; part++)
                    total += Products(vector->Elements + (part * Part), weights[part], scales[part]);
                sums[c] = MathF.FusedMultiplyAdd(Vector256.Sum(total), factor * vector->Scale, sums[c]);
            }
        }

        for (var c = 0; c < columns; c++) *(float*)(target + (c * stride)) = sums[c];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> TwoParts(byte* block, sbyte* elements, Vector256<byte> scales, int part)
    {
        Unpack(block, part, out var first, out var second);
        return Products(elements + (part * Part), first, Scale(scales, part))
            + Products(elements + ((part + 1) * Part), second, Scale(scales, part + 1));
    }

    /// <summary>Two parts: the codes of the first sixteen weights of a part lie below those of the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Unpack(byte* block, int part, out Vector256<sbyte> first, out Vector256<sbyte> second)
    {
        // ggml's kvalues_iq4nl, twice.
        var half = Vector128.Create(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, (sbyte)113);
        var values = Vector256.Create(half, half);
        var both = Vector256.Load(block + Codes + (part * Part / 2));
        var four = Vector256.Create((byte)0x0f);
        var low = Avx2.Shuffle(values, (both & four).AsSByte());
        var high = Avx2.Shuffle(values, ((both.AsUInt16() >> 4).AsByte() & four).AsSByte());
        first = Avx2.Permute2x128(low, high, 0x20);
        second = Avx2.Permute2x128(low, high, 0x31);
    }

    /// <summary>What the parts are multiplied by, twice: six bits, two of them here and four there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Scales(byte* block)
    {
        var high = Bmi2.X64.ParallelBitDeposit(*(ushort*)(block + 2), 0x3030303030303030);
        var low = Bmi2.X64.ParallelBitDeposit(*(uint*)(block + 4), 0x0f0f0f0f0f0f0f0f);
        var words = Sse41.ConvertToVector128Int16(
            Vector128.CreateScalar(low | high).AsSByte() - Vector128.Create((sbyte)32));
        return Vector256.Create(words, words).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Scale(Vector256<byte> scales, int part) =>
        Avx2.Shuffle(scales, Vector256.Create((short)(0x0100 + (part * 0x0202))).AsByte()).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(sbyte* elements, Vector256<sbyte> weights, Vector256<short> scale)
    {
        // Of a product of bytes one has to be unsigned: the other takes over its sign.
        var pairs = Avx2.MultiplyAddAdjacent(Avx2.Abs(weights), Avx2.Sign(Vector256.Load(elements), weights));
        return Avx2.MultiplyAddAdjacent(pairs, scale);
    }
}
