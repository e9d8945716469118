using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>The vector instructions (WebAssembly 2.0 §4.4.3), named as in <see cref="Binary.OpcodeTable"/>.</summary>
internal static partial class VectorOps
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Constant(long low, long high) => Vector128.Create(low, high).AsByte();

    /// <summary>Indices beyond a vector select zero, so that two shuffles make one of both vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Shuffle(Vector128<byte> a, Vector128<byte> b, long low, long high)
    {
        var indices = Vector128.Create(low, high).AsByte();
        return Vector128.Shuffle(a, indices) | Vector128.Shuffle(b, indices - Vector128.Create((byte)16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Swizzle(Vector128<byte> a, Vector128<byte> b) => Vector128.Shuffle(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I8x16Splat(int a) => Vector128.Create((byte)a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I8x16ExtractS(Vector128<byte> a, int lane) => a.AsSByte().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I8x16ExtractU(Vector128<byte> a, int lane) => a.GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I8x16Replace(Vector128<byte> a, int b, int lane) =>
        a.AsSByte().WithElement(lane, (sbyte)b).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8Splat(int a) => Vector128.Create((short)a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I16x8ExtractS(Vector128<byte> a, int lane) => a.AsInt16().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I16x8ExtractU(Vector128<byte> a, int lane) => a.AsUInt16().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8Replace(Vector128<byte> a, int b, int lane) =>
        a.AsInt16().WithElement(lane, (short)b).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4Splat(int a) => Vector128.Create(a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int I32x4Extract(Vector128<byte> a, int lane) => a.AsInt32().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4Replace(Vector128<byte> a, int b, int lane) =>
        a.AsInt32().WithElement(lane, b).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2Splat(long a) => Vector128.Create(a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long I64x2Extract(Vector128<byte> a, int lane) => a.AsInt64().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2Replace(Vector128<byte> a, long b, int lane) =>
        a.AsInt64().WithElement(lane, b).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Splat(float a) => Vector128.Create(a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float F32x4Extract(Vector128<byte> a, int lane) => a.AsSingle().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Replace(Vector128<byte> a, float b, int lane) =>
        a.AsSingle().WithElement(lane, b).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Splat(double a) => Vector128.Create(a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double F64x2Extract(Vector128<byte> a, int lane) => a.AsDouble().GetElement(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Replace(Vector128<byte> a, double b, int lane) =>
        a.AsDouble().WithElement(lane, b).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtendLowS(Vector128<byte> a) => Vector128.WidenLower(a.AsSByte()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtmulLowS(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenLower(a.AsSByte()) * Vector128.WidenLower(b.AsSByte())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtendLowU(Vector128<byte> a) => Vector128.WidenLower(a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtmulLowU(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenLower(a) * Vector128.WidenLower(b)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtendHighS(Vector128<byte> a) => Vector128.WidenUpper(a.AsSByte()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtmulHighS(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenUpper(a.AsSByte()) * Vector128.WidenUpper(b.AsSByte())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtendHighU(Vector128<byte> a) => Vector128.WidenUpper(a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtmulHighU(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenUpper(a) * Vector128.WidenUpper(b)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtendLowS(Vector128<byte> a) => Vector128.WidenLower(a.AsInt16()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtmulLowS(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenLower(a.AsInt16()) * Vector128.WidenLower(b.AsInt16())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtendLowU(Vector128<byte> a) => Vector128.WidenLower(a.AsUInt16()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtmulLowU(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenLower(a.AsUInt16()) * Vector128.WidenLower(b.AsUInt16())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtendHighS(Vector128<byte> a) => Vector128.WidenUpper(a.AsInt16()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtmulHighS(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenUpper(a.AsInt16()) * Vector128.WidenUpper(b.AsInt16())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtendHighU(Vector128<byte> a) => Vector128.WidenUpper(a.AsUInt16()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtmulHighU(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenUpper(a.AsUInt16()) * Vector128.WidenUpper(b.AsUInt16())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtendLowS(Vector128<byte> a) => Vector128.WidenLower(a.AsInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtmulLowS(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenLower(a.AsInt32()) * Vector128.WidenLower(b.AsInt32())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtendLowU(Vector128<byte> a) => Vector128.WidenLower(a.AsUInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtmulLowU(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenLower(a.AsUInt32()) * Vector128.WidenLower(b.AsUInt32())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtendHighS(Vector128<byte> a) => Vector128.WidenUpper(a.AsInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtmulHighS(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenUpper(a.AsInt32()) * Vector128.WidenUpper(b.AsInt32())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtendHighU(Vector128<byte> a) => Vector128.WidenUpper(a.AsUInt32()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I64x2ExtmulHighU(Vector128<byte> a, Vector128<byte> b) =>
        (Vector128.WidenUpper(a.AsUInt32()) * Vector128.WidenUpper(b.AsUInt32())).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtaddPairwiseS(Vector128<byte> a) =>
        (((a.AsInt16() << 8) >> 8) + (a.AsInt16() >> 8)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8ExtaddPairwiseU(Vector128<byte> a) =>
        (((a.AsUInt16() << 8) >>> 8) + (a.AsUInt16() >>> 8)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtaddPairwiseS(Vector128<byte> a) =>
        (((a.AsInt32() << 16) >> 16) + (a.AsInt32() >> 16)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4ExtaddPairwiseU(Vector128<byte> a) =>
        (((a.AsUInt32() << 16) >>> 16) + (a.AsUInt32() >>> 16)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4DotS(Vector128<byte> a, Vector128<byte> b) =>
        ((((a.AsInt32() << 16) >> 16) * ((b.AsInt32() << 16) >> 16))
            + ((a.AsInt32() >> 16) * (b.AsInt32() >> 16))).AsByte();

    /// <summary>(a * b + 2^14) / 2^15, saturated.</summary>
    public static Vector128<byte> I16x8Q15MulrSatS(Vector128<byte> a, Vector128<byte> b)
    {
        var round = Vector128.Create(0x4000);
        var low = ((Vector128.WidenLower(a.AsInt16()) * Vector128.WidenLower(b.AsInt16())) + round) >> 15;
        var high = ((Vector128.WidenUpper(a.AsInt16()) * Vector128.WidenUpper(b.AsInt16())) + round) >> 15;
        return Vector128.NarrowWithSaturation(low, high).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I8x16NarrowS(Vector128<byte> a, Vector128<byte> b) =>
        Vector128.NarrowWithSaturation(a.AsInt16(), b.AsInt16()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I16x8NarrowS(Vector128<byte> a, Vector128<byte> b) =>
        Vector128.NarrowWithSaturation(a.AsInt32(), b.AsInt32()).AsByte();

    /// <summary>From signed to unsigned: negative values become zero.</summary>
    public static Vector128<byte> I8x16NarrowU(Vector128<byte> a, Vector128<byte> b)
    {
        var max = Vector128.Create((short)255);
        var low = Vector128.Min(Vector128.Max(a.AsInt16(), Vector128<short>.Zero), max);
        var high = Vector128.Min(Vector128.Max(b.AsInt16(), Vector128<short>.Zero), max);
        return Vector128.Narrow(low.AsUInt16(), high.AsUInt16());
    }

    /// <summary>From signed to unsigned: negative values become zero.</summary>
    public static Vector128<byte> I16x8NarrowU(Vector128<byte> a, Vector128<byte> b)
    {
        var max = Vector128.Create(65535);
        var low = Vector128.Min(Vector128.Max(a.AsInt32(), Vector128<int>.Zero), max);
        var high = Vector128.Min(Vector128.Max(b.AsInt32(), Vector128<int>.Zero), max);
        return Vector128.Narrow(low.AsUInt32(), high.AsUInt32()).AsByte();
    }
}
