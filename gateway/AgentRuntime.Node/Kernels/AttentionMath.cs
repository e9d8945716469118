using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// The loops over numbers that attention is made of, for AVX-512, else in vectors of 256 bits. Every element of a
/// product is one chain of fused multiply-adds in the order of the inner dimension, so that it does not depend on how
/// many rows are computed with it, nor on the width of the vectors.
/// </summary>
internal static unsafe class AttentionMath
{
    /// <summary>What the widths of rows are rounded up to.</summary>
    public const int Lanes = 16;

    /// <summary>Cells in a tile.</summary>
    public const int Tile = 64;

    /// <summary>What the exponent of a half is too small by where a single has its own.</summary>
    private const int Bias = 112 << 23;

    /// <summary>
    /// The bits of the least half that is normal, where a single has them. Below it a half is no normal single either,
    /// with which processors compute slowly: it is made one first, of which the leading one is taken away again.
    /// </summary>
    private const int LeastNormal = 1 << 23;

    private const float SmallestNormalHalf = 6.1035156e-5f;

    /// <summary>IEEE half precision to single; infinities and NaN become numbers of 65,536 and beyond.</summary>
    public static void Widen(short* source, float* target, int count)
    {
        var i = 0;
        if (Avx512F.IsSupported)
            for (; i <= count - 16; i += 16)
                Widen16(source + i).Store(target + i);
        for (; i <= count - 8; i += 8) Widen8(source + i).Store(target + i);
        for (; i < count; i++) target[i] = (float)BitConverter.Int16BitsToHalf(source[i]);
    }

    public static float Widen(short half)
    {
        var bits = (half & 0x7fff) << 13;
        var size = bits < LeastNormal
            ? BitConverter.Int32BitsToSingle(bits + Bias + LeastNormal) - SmallestNormalHalf
            : BitConverter.Int32BitsToSingle(bits + Bias);
        return half < 0 ? -size : size;
    }

    public static Vector512<float> Widen16(short* source)
    {
        var halves = Avx512F.ConvertToVector512Int32(Vector256.Load(source));
        var bits = (halves & Vector512.Create(0x7fff)) << 13;
        var normal = (bits + Vector512.Create(Bias)).AsSingle();
        // Twice that less the smallest normal one: below it the value, above it more than the value.
        var small = (normal + normal) - Vector512.Create(SmallestNormalHalf);
        return (Vector512.MinNative(small, normal).AsInt32() | (halves & Vector512.Create(int.MinValue))).AsSingle();
    }

    public static Vector256<float> Widen8(short* source)
    {
        var (low, high) = Vector128.Widen(Vector128.Load(source));
        var halves = Avx2.IsSupported ? Avx2.ConvertToVector256Int32(source) : Vector256.Create(low, high);
        var bits = (halves & Vector256.Create(0x7fff)) << 13;
        var normal = (bits + Vector256.Create(Bias)).AsSingle();
        // Twice that less the smallest normal one: below it the value, above it more than the value.
        var small = (normal + normal) - Vector256.Create(SmallestNormalHalf);
        return (Vector256.MinNative(small, normal).AsInt32() | (halves & Vector256.Create(int.MinValue))).AsSingle();
    }

    /// <summary>
    /// Keys of 16 cells, each <paramref name="width"/> halves, into columns of a tile: target[d × 64 + cell].
    /// </summary>
    public static void WidenColumns(short** cells, float* target, int width)
    {
        var d = 0;
        if (Avx512F.IsSupported)
        {
            for (; d <= width - 16; d += 16) Transpose16(cells, d, target + (d * Tile));
        }
        else if (Avx.IsSupported)
        {
            for (; d <= width - 8; d += 8)
            {
                Transpose8(cells, d, target + (d * Tile));
                Transpose8(cells + 8, d, target + (d * Tile) + 8);
            }
        }

        for (var c = 0; c < 16; c++)
            for (var k = d; k < width; k++)
                target[(k * Tile) + c] = (float)BitConverter.Int16BitsToHalf(cells[c][k]);
    }

    /// <summary>
    /// product = (product if added to) + rows × columns. Columns and product have <paramref name="width"/> a row, a
    /// multiple of 16.
    /// </summary>
    public static void Multiply(
        float* rows, int stride, int count, float* columns, int inner, float* product, int width, bool add)
    {
        var r = 0;
        for (; r <= count - 4; r += 4)
        {
            float* a = rows + ((long)r * stride), c = product + ((long)r * width);
            var j = 0;
            if (Avx512F.IsSupported)
                for (; j <= width - 64; j += 64)
                    Four64(a, stride, columns + j, inner, c + j, width, add);
            for (; j < width; j += 16) Four16(a, stride, columns + j, inner, c + j, width, add);
        }

        for (; r < count; r++)
        {
            float* a = rows + ((long)r * stride), c = product + ((long)r * width);
            var j = 0;
            for (; j <= width - 64; j += 64) One64(a, columns + j, inner, c + j, width, add);
            for (; j < width; j += 16) One16(a, columns + j, inner, c + j, width, add);
        }
    }

    /// <summary>
    /// One step of an online softmax over a tile: scores become weights relative to the highest so far, and what was
    /// summed before is scaled to it (arXiv 2205.14135).
    /// </summary>
    public static void Soften(float* scores, ref float most, ref float total, float* sums, int width)
    {
        Vector512<float> s0 = Vector512.Load(scores), s1 = Vector512.Load(scores + 16);
        Vector512<float> s2 = Vector512.Load(scores + 32), s3 = Vector512.Load(scores + 48);
        var highest = Vector512.Max(Vector512.Max(s0, s1), Vector512.Max(s2, s3));
        var eight = Vector256.Max(highest.GetLower(), highest.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        var top = Math.Max(Math.Max(four[0], four[1]), Math.Max(four[2], four[3]));
        if (top > most)
        {
            var factor = MathF.Exp(most - top);
            most = top;
            total *= factor;
            for (var i = 0; i < width; i += 16) (Vector512.Load(sums + i) * factor).Store(sums + i);
        }

        var from = Vector512.Create(most);
        s0 = Vector512.Exp(s0 - from);
        s1 = Vector512.Exp(s1 - from);
        s2 = Vector512.Exp(s2 - from);
        s3 = Vector512.Exp(s3 - from);
        s0.Store(scores);
        s1.Store(scores + 16);
        s2.Store(scores + 32);
        s3.Store(scores + 48);
        total += Vector512.Sum((s0 + s1) + (s2 + s3));
    }

    private static void Four64(float* a, int stride, float* b, int inner, float* c, int width, bool add)
    {
        float* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride;
        float* c1 = c + width, c2 = c1 + width, c3 = c2 + width;
        Vector512<float> p0 = default, p1 = default, p2 = default, p3 = default;
        Vector512<float> q0 = default, q1 = default, q2 = default, q3 = default;
        Vector512<float> r0 = default, r1 = default, r2 = default, r3 = default;
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        if (add)
        {
            (p0, p1, p2, p3) = Load64(c);
            (q0, q1, q2, q3) = Load64(c1);
            (r0, r1, r2, r3) = Load64(c2);
            (s0, s1, s2, s3) = Load64(c3);
        }

        for (var k = 0; k < inner; k++, b += width)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> b2 = Vector512.Load(b + 32), b3 = Vector512.Load(b + 48);
            var x = Vector512.Create(a[k]);
            p0 = Vector512.FusedMultiplyAdd(x, b0, p0);
            p1 = Vector512.FusedMultiplyAdd(x, b1, p1);
            p2 = Vector512.FusedMultiplyAdd(x, b2, p2);
            p3 = Vector512.FusedMultiplyAdd(x, b3, p3);
            x = Vector512.Create(a1[k]);
            q0 = Vector512.FusedMultiplyAdd(x, b0, q0);
            q1 = Vector512.FusedMultiplyAdd(x, b1, q1);
            q2 = Vector512.FusedMultiplyAdd(x, b2, q2);
            q3 = Vector512.FusedMultiplyAdd(x, b3, q3);
            x = Vector512.Create(a2[k]);
            r0 = Vector512.FusedMultiplyAdd(x, b0, r0);
            r1 = Vector512.FusedMultiplyAdd(x, b1, r1);
            r2 = Vector512.FusedMultiplyAdd(x, b2, r2);
            r3 = Vector512.FusedMultiplyAdd(x, b3, r3);
            x = Vector512.Create(a3[k]);
            s0 = Vector512.FusedMultiplyAdd(x, b0, s0);
            s1 = Vector512.FusedMultiplyAdd(x, b1, s1);
            s2 = Vector512.FusedMultiplyAdd(x, b2, s2);
            s3 = Vector512.FusedMultiplyAdd(x, b3, s3);
        }

        Store64(c, p0, p1, p2, p3);
        Store64(c1, q0, q1, q2, q3);
        Store64(c2, r0, r1, r2, r3);
        Store64(c3, s0, s1, s2, s3);
    }

    private static void Four16(float* a, int stride, float* b, int inner, float* c, int width, bool add)
    {
        float* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride;
        float* c1 = c + width, c2 = c1 + width, c3 = c2 + width;
        Vector256<float> p0 = default, p1 = default, q0 = default, q1 = default;
        Vector256<float> r0 = default, r1 = default, s0 = default, s1 = default;
        if (add)
        {
            (p0, p1) = (Vector256.Load(c), Vector256.Load(c + 8));
            (q0, q1) = (Vector256.Load(c1), Vector256.Load(c1 + 8));
            (r0, r1) = (Vector256.Load(c2), Vector256.Load(c2 + 8));
            (s0, s1) = (Vector256.Load(c3), Vector256.Load(c3 + 8));
        }

        for (var k = 0; k < inner; k++, b += width)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            var x = Vector256.Create(a[k]);
            p0 = Vector256.FusedMultiplyAdd(x, b0, p0);
            p1 = Vector256.FusedMultiplyAdd(x, b1, p1);
            x = Vector256.Create(a1[k]);
            q0 = Vector256.FusedMultiplyAdd(x, b0, q0);
            q1 = Vector256.FusedMultiplyAdd(x, b1, q1);
            x = Vector256.Create(a2[k]);
            r0 = Vector256.FusedMultiplyAdd(x, b0, r0);
            r1 = Vector256.FusedMultiplyAdd(x, b1, r1);
            x = Vector256.Create(a3[k]);
            s0 = Vector256.FusedMultiplyAdd(x, b0, s0);
            s1 = Vector256.FusedMultiplyAdd(x, b1, s1);
        }

        p0.Store(c);
        p1.Store(c + 8);
        q0.Store(c1);
        q1.Store(c1 + 8);
        r0.Store(c2);
        r1.Store(c2 + 8);
        s0.Store(c3);
        s1.Store(c3 + 8);
    }

    private static void One64(float* a, float* b, int inner, float* c, int width, bool add)
    {
        if (!Avx512F.IsSupported)
        {
            for (var j = 0; j < 64; j += 16) One16(a, b + j, inner, c + j, width, add);
            return;
        }

        Vector512<float> p0 = default, p1 = default, p2 = default, p3 = default;
        if (add) (p0, p1, p2, p3) = Load64(c);
        for (var k = 0; k < inner; k++, b += width)
        {
            var x = Vector512.Create(a[k]);
            p0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b), p0);
            p1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 16), p1);
            p2 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 32), p2);
            p3 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 48), p3);
        }

        Store64(c, p0, p1, p2, p3);
    }

    private static void One16(float* a, float* b, int inner, float* c, int width, bool add)
    {
        Vector256<float> p0 = default, p1 = default;
        if (add) (p0, p1) = (Vector256.Load(c), Vector256.Load(c + 8));
        for (var k = 0; k < inner; k++, b += width)
        {
            var x = Vector256.Create(a[k]);
            p0 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b), p0);
            p1 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b + 8), p1);
        }

        p0.Store(c);
        p1.Store(c + 8);
    }

    private static (Vector512<float>, Vector512<float>, Vector512<float>, Vector512<float>) Load64(float* source) =>
        (Vector512.Load(source), Vector512.Load(source + 16),
            Vector512.Load(source + 32), Vector512.Load(source + 48));

    private static void Store64(
        float* target, Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        a.Store(target);
        b.Store(target + 16);
        c.Store(target + 32);
        d.Store(target + 48);
    }

    [SkipLocalsInit]
    private static void Transpose16(short** cells, int d, float* target)
    {
        // After the first half t[4g + j] holds, in its 128-bit part p, dimension 4p + j of the cells 4g..4g+3.
        var t = stackalloc Vector512<float>[16];
        for (var i = 0; i < 16; i += 4)
        {
            Vector512<float> a = Widen16(cells[i] + d), b = Widen16(cells[i + 1] + d);
            Vector512<float> c = Widen16(cells[i + 2] + d), e = Widen16(cells[i + 3] + d);
            var abLow = Avx512F.UnpackLow(a, b).AsDouble();
            var abHigh = Avx512F.UnpackHigh(a, b).AsDouble();
            var ceLow = Avx512F.UnpackLow(c, e).AsDouble();
            var ceHigh = Avx512F.UnpackHigh(c, e).AsDouble();
            t[i] = Avx512F.UnpackLow(abLow, ceLow).AsSingle();
            t[i + 1] = Avx512F.UnpackHigh(abLow, ceLow).AsSingle();
            t[i + 2] = Avx512F.UnpackLow(abHigh, ceHigh).AsSingle();
            t[i + 3] = Avx512F.UnpackHigh(abHigh, ceHigh).AsSingle();
        }

        for (var j = 0; j < 4; j++)
        {
            var a = Avx512F.Shuffle4x128(t[j], t[4 + j], 0x44);
            var b = Avx512F.Shuffle4x128(t[j], t[4 + j], 0xee);
            var c = Avx512F.Shuffle4x128(t[8 + j], t[12 + j], 0x44);
            var e = Avx512F.Shuffle4x128(t[8 + j], t[12 + j], 0xee);
            Avx512F.Shuffle4x128(a, c, 0x88).Store(target + (j * Tile));
            Avx512F.Shuffle4x128(a, c, 0xdd).Store(target + ((4 + j) * Tile));
            Avx512F.Shuffle4x128(b, e, 0x88).Store(target + ((8 + j) * Tile));
            Avx512F.Shuffle4x128(b, e, 0xdd).Store(target + ((12 + j) * Tile));
        }
    }

    [SkipLocalsInit]
    private static void Transpose8(short** cells, int d, float* target)
    {
        var t = stackalloc Vector256<float>[8];
        for (var i = 0; i < 8; i += 4)
        {
            Vector256<float> a = Widen8(cells[i] + d), b = Widen8(cells[i + 1] + d);
            Vector256<float> c = Widen8(cells[i + 2] + d), e = Widen8(cells[i + 3] + d);
            var abLow = Avx.UnpackLow(a, b).AsDouble();
            var abHigh = Avx.UnpackHigh(a, b).AsDouble();
            var ceLow = Avx.UnpackLow(c, e).AsDouble();
            var ceHigh = Avx.UnpackHigh(c, e).AsDouble();
            t[i] = Avx.UnpackLow(abLow, ceLow).AsSingle();
            t[i + 1] = Avx.UnpackHigh(abLow, ceLow).AsSingle();
            t[i + 2] = Avx.UnpackLow(abHigh, ceHigh).AsSingle();
            t[i + 3] = Avx.UnpackHigh(abHigh, ceHigh).AsSingle();
        }

        for (var j = 0; j < 4; j++)
        {
            Avx.Permute2x128(t[j], t[4 + j], 0x20).Store(target + (j * Tile));
            Avx.Permute2x128(t[j], t[4 + j], 0x31).Store(target + ((4 + j) * Tile));
        }
    }
}
