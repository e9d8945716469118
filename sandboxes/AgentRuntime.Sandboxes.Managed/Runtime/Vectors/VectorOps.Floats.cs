using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <content>Floating-point arithmetic and conversions by lane.</content>
internal static partial class VectorOps
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Add(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsSingle() + b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Sub(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsSingle() - b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Mul(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsSingle() * b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Div(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsSingle() / b.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Sqrt(Vector128<byte> a) => Vector128.Sqrt(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Abs(Vector128<byte> a) =>
        (a.AsInt32() & ~Vector128.Create(int.MinValue)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Neg(Vector128<byte> a) =>
        (a.AsInt32() ^ Vector128.Create(int.MinValue)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Ceil(Vector128<byte> a) => Vector128.Ceiling(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Floor(Vector128<byte> a) => Vector128.Floor(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Trunc(Vector128<byte> a) => Vector128.Truncate(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Nearest(Vector128<byte> a) => Vector128.Round(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Pmin(Vector128<byte> a, Vector128<byte> b) =>
        Vector128.ConditionalSelect(Vector128.LessThan(b.AsSingle(), a.AsSingle()), b.AsSingle(), a.AsSingle()).AsByte(
            );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Pmax(Vector128<byte> a, Vector128<byte> b) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a.AsSingle(), b.AsSingle()), b.AsSingle(), a.AsSingle()).AsByte(
            );

    /// <summary>NaN wins, and zeros are told apart by their sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Min(Vector128<byte> a, Vector128<byte> b)
    {
        var (x, y) = (a.AsSingle(), b.AsSingle());
        var ordered = Vector128.Equals(x, x) & Vector128.Equals(y, y);
        var chosen = Vector128.ConditionalSelect(Vector128.LessThan(x, y), x, y);
        var settled = Vector128.ConditionalSelect(Vector128.Equals(x, y), x | y, chosen);
        return Vector128.ConditionalSelect(ordered, settled, x + y).AsByte();
    }

    /// <summary>NaN wins, and zeros are told apart by their sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4Max(Vector128<byte> a, Vector128<byte> b)
    {
        var (x, y) = (a.AsSingle(), b.AsSingle());
        var ordered = Vector128.Equals(x, x) & Vector128.Equals(y, y);
        var chosen = Vector128.ConditionalSelect(Vector128.GreaterThan(x, y), x, y);
        var settled = Vector128.ConditionalSelect(Vector128.Equals(x, y), x & y, chosen);
        return Vector128.ConditionalSelect(ordered, settled, x + y).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Add(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsDouble() + b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Sub(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsDouble() - b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Mul(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsDouble() * b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Div(Vector128<byte> a, Vector128<byte> b) =>
        (a.AsDouble() / b.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Sqrt(Vector128<byte> a) => Vector128.Sqrt(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Abs(Vector128<byte> a) =>
        (a.AsInt64() & ~Vector128.Create(long.MinValue)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Neg(Vector128<byte> a) =>
        (a.AsInt64() ^ Vector128.Create(long.MinValue)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Ceil(Vector128<byte> a) => Vector128.Ceiling(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Floor(Vector128<byte> a) => Vector128.Floor(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Trunc(Vector128<byte> a) => Vector128.Truncate(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Nearest(Vector128<byte> a) => Vector128.Round(a.AsDouble()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Pmin(Vector128<byte> a, Vector128<byte> b) =>
        Vector128.ConditionalSelect(Vector128.LessThan(b.AsDouble(), a.AsDouble()), b.AsDouble(), a.AsDouble()).AsByte(
            );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Pmax(Vector128<byte> a, Vector128<byte> b) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a.AsDouble(), b.AsDouble()), b.AsDouble(), a.AsDouble()).AsByte(
            );

    /// <summary>NaN wins, and zeros are told apart by their sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Min(Vector128<byte> a, Vector128<byte> b)
    {
        var (x, y) = (a.AsDouble(), b.AsDouble());
        var ordered = Vector128.Equals(x, x) & Vector128.Equals(y, y);
        var chosen = Vector128.ConditionalSelect(Vector128.LessThan(x, y), x, y);
        var settled = Vector128.ConditionalSelect(Vector128.Equals(x, y), x | y, chosen);
        return Vector128.ConditionalSelect(ordered, settled, x + y).AsByte();
    }

    /// <summary>NaN wins, and zeros are told apart by their sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F64x2Max(Vector128<byte> a, Vector128<byte> b)
    {
        var (x, y) = (a.AsDouble(), b.AsDouble());
        var ordered = Vector128.Equals(x, x) & Vector128.Equals(y, y);
        var chosen = Vector128.ConditionalSelect(Vector128.GreaterThan(x, y), x, y);
        var settled = Vector128.ConditionalSelect(Vector128.Equals(x, y), x & y, chosen);
        return Vector128.ConditionalSelect(ordered, settled, x + y).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4TruncSatF32x4S(Vector128<byte> a) =>
        Vector128.ConvertToInt32(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> I32x4TruncSatF32x4U(Vector128<byte> a) =>
        Vector128.ConvertToUInt32(a.AsSingle()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> F32x4ConvertI32x4S(Vector128<byte> a) =>
        Vector128.ConvertToSingle(a.AsInt32()).AsByte();

    public static Vector128<byte> F32x4ConvertI32x4U(Vector128<byte> a) => Vector128.Create(
        (float)a.AsUInt32().GetElement(0), a.AsUInt32().GetElement(1), a.AsUInt32().GetElement(2),
        a.AsUInt32().GetElement(3)).AsByte();

    public static Vector128<byte> I32x4TruncSatF64x2SZero(Vector128<byte> a) => Vector128.Create(
        Conversions.Saturated32(a.AsDouble().GetElement(0)), Conversions.Saturated32(a.AsDouble().GetElement(1)), 0,
            0).AsByte();

    public static Vector128<byte> I32x4TruncSatF64x2UZero(Vector128<byte> a) => Vector128.Create(
        Conversions.SaturatedU32(a.AsDouble().GetElement(0)), Conversions.SaturatedU32(a.AsDouble().GetElement(1)), 0,
            0).AsByte();

    public static Vector128<byte> F64x2ConvertLowS(Vector128<byte> a) =>
        Vector128.Create((double)a.AsInt32().GetElement(0), a.AsInt32().GetElement(1)).AsByte();

    public static Vector128<byte> F64x2ConvertLowU(Vector128<byte> a) =>
        Vector128.Create((double)a.AsUInt32().GetElement(0), a.AsUInt32().GetElement(1)).AsByte();

    public static Vector128<byte> F32x4DemoteF64x2Zero(Vector128<byte> a) =>
        Vector128.Create((float)a.AsDouble().GetElement(0), (float)a.AsDouble().GetElement(1), 0f, 0f).AsByte();

    public static Vector128<byte> F64x2PromoteLowF32x4(Vector128<byte> a) =>
        Vector128.Create((double)a.AsSingle().GetElement(0), a.AsSingle().GetElement(1)).AsByte();
}
