using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>Conversions between integers and floats (WebAssembly 2.0 §4.3.4), trapping and saturating.</summary>
internal static class Conversions
{
    public static int I32TruncF32S(float a, int at) => (int)Truncated(a, -2147483649.0, 2147483648.0, at);

    public static int I32TruncF32U(float a, int at) => (int)(uint)(long)Truncated(a, -1.0, 4294967296.0, at);

    public static int I32TruncF64S(double a, int at) => (int)Truncated(a, -2147483649.0, 2147483648.0, at);

    public static int I32TruncF64U(double a, int at) => (int)(uint)(long)Truncated(a, -1.0, 4294967296.0, at);

    public static long I64TruncF32S(float a, int at) => (long)Wide(a, at);

    public static long I64TruncF32U(float a, int at) => Unsigned(Truncated(a, -1.0, 18446744073709551616.0, at));

    public static long I64TruncF64S(double a, int at) => (long)Wide(a, at);

    public static long I64TruncF64U(double a, int at) => Unsigned(Truncated(a, -1.0, 18446744073709551616.0, at));

    public static int I32TruncSatF32S(float a) => Saturated32(a);

    public static int I32TruncSatF32U(float a) => SaturatedU32(a);

    public static int I32TruncSatF64S(double a) => Saturated32(a);

    public static int I32TruncSatF64U(double a) => SaturatedU32(a);

    public static long I64TruncSatF32S(float a) => I64TruncSatF64S(a);

    public static long I64TruncSatF32U(float a) => I64TruncSatF64U(a);

    public static long I64TruncSatF64S(double a) =>
        double.IsNaN(a) ? 0 : a >= 9223372036854775808.0 ? long.MaxValue : a < -9223372036854775808.0
            ? long.MinValue : (long)a;

    public static long I64TruncSatF64U(double a) =>
        !(a > 0) ? 0 : a >= 18446744073709551616.0 ? -1 : Unsigned(a);

    /// <summary>As an intrinsic, which the JIT does not fold away after a promotion: NaNs come out quiet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Demote(double a) => Sse2.IsSupported
        ? Sse2.ConvertScalarToVector128Single(Vector128<float>.Zero, Vector128.CreateScalarUnsafe(a)).ToScalar()
        : (float)a;

    public static float F32ConvertI64S(long a) => a;

    /// <summary>Halving with the lost bit kept rounds once; going through a double would round twice.</summary>
    public static float F32ConvertI64U(long a) => a >= 0 ? a : (float)(long)(((ulong)a >> 1) | ((ulong)a & 1)) * 2f;

    public static double F64ConvertI64U(long a) => a >= 0 ? a : (double)(long)(((ulong)a >> 1) | ((ulong)a & 1)) * 2.0;

    public static float F32ConvertI32U(int a) => (uint)a;

    public static double F64ConvertI32U(int a) => (uint)a;

    internal static int Saturated32(double a) =>
        double.IsNaN(a) ? 0 : a >= 2147483647.0 ? int.MaxValue : a <= -2147483648.0 ? int.MinValue : (int)a;

    internal static int SaturatedU32(double a) => !(a > 0) ? 0 : a >= 4294967295.0 ? -1 : (int)(uint)(long)a;

    /// <summary>The value when it lies strictly between the bounds, which exclude what does not fit.</summary>
    private static double Truncated(double a, double below, double above, int at)
    {
        if (double.IsNaN(a)) Traps.InvalidConversion(at);
        if (a <= below || a >= above) Traps.IntegerOverflow(at);
        return a;
    }

    /// <summary>As <see cref="Truncated"/>; -2^63 itself fits, and no double lies between it and what does
    /// not.</summary>
    private static double Wide(double a, int at)
    {
        if (double.IsNaN(a)) Traps.InvalidConversion(at);
        if (a < -9223372036854775808.0 || a >= 9223372036854775808.0) Traps.IntegerOverflow(at);
        return a;
    }

    private static long Unsigned(double a) =>
        a < 9223372036854775808.0 ? (long)a : (long)(a - 9223372036854775808.0) ^ long.MinValue;
}
