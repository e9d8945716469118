using System.Numerics;
using System.Runtime.CompilerServices;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>Numeric instructions that trap, or whose meaning IL has no instruction for (WebAssembly 2.0
/// §4.3).</summary>
internal static class Numeric
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DivS32(int a, int b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        if (b == -1 && a == int.MinValue) Traps.IntegerOverflow(at);
        return a / b;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DivU32(int a, int b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        return (int)((uint)a / (uint)b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RemS32(int a, int b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        return b == -1 ? 0 : a % b;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RemU32(int a, int b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        return (int)((uint)a % (uint)b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long DivS64(long a, long b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        if (b == -1 && a == long.MinValue) Traps.IntegerOverflow(at);
        return a / b;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long DivU64(long a, long b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        return (long)((ulong)a / (ulong)b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long RemS64(long a, long b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        return b == -1 ? 0 : a % b;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long RemU64(long a, long b, int at)
    {
        if (b == 0) Traps.DivideByZero(at);
        return (long)((ulong)a % (ulong)b);
    }

    public static int Clz32(int a) => BitOperations.LeadingZeroCount((uint)a);

    public static int Ctz32(int a) => BitOperations.TrailingZeroCount(a);

    public static int Popcnt32(int a) => BitOperations.PopCount((uint)a);

    public static long Clz64(long a) => BitOperations.LeadingZeroCount((ulong)a);

    public static long Ctz64(long a) => BitOperations.TrailingZeroCount(a);

    public static long Popcnt64(long a) => BitOperations.PopCount((ulong)a);

    // Two faults of .NET 10.0 lie in rotations. A constant that BitOperations rotates is not sign-extended, so that
    // dividing it is wrong: shifts fold rightly, and the JIT knows them for a rotation afterwards. And a comparison of
    // a rotation by a constant with zero reads flags that the processor's rotation does not set: the compiler adds a
    // zero that the JIT does not know to be one before anything is compared. Counts are modulo the width.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Rotl32(int a, int b) => (int)(((uint)a << b) | ((uint)a >> (32 - b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Rotr32(int a, int b) => (int)(((uint)a >> b) | ((uint)a << (32 - b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Rotl64(long a, long b) => (long)(((ulong)a << (int)b) | ((ulong)a >> (64 - (int)b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Rotr64(long a, long b) => (long)(((ulong)a >> (int)b) | ((ulong)a << (64 - (int)b)));

    /// <summary>The zero that is added to rotations.</summary>
    public static int Zero(Instances.ManagedInstance instance) => instance.Zero;

    public static float Min32(float a, float b) =>
        float.IsNaN(a) || float.IsNaN(b) ? a + b
        : a == b ? BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) | BitConverter.SingleToInt32Bits(b))
        : a < b ? a : b;

    public static float Max32(float a, float b) =>
        float.IsNaN(a) || float.IsNaN(b) ? a + b
        : a == b ? BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) & BitConverter.SingleToInt32Bits(b))
        : a > b ? a : b;

    public static double Min64(double a, double b) =>
        double.IsNaN(a) || double.IsNaN(b) ? a + b
        : a == b ? BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) | BitConverter.DoubleToInt64Bits(b))
        : a < b ? a : b;

    public static double Max64(double a, double b) =>
        double.IsNaN(a) || double.IsNaN(b) ? a + b
        : a == b ? BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) & BitConverter.DoubleToInt64Bits(b))
        : a > b ? a : b;

    // A signalling NaN must come out quiet (§4.3.3), which an addition does and a software rounding need not.
    public static float Ceil32(float a) => float.IsNaN(a) ? a + a : MathF.Ceiling(a);

    public static float Floor32(float a) => float.IsNaN(a) ? a + a : MathF.Floor(a);

    public static float Trunc32(float a) => float.IsNaN(a) ? a + a : MathF.Truncate(a);

    public static float Nearest32(float a) => float.IsNaN(a) ? a + a : MathF.Round(a, MidpointRounding.ToEven);

    public static double Ceil64(double a) => double.IsNaN(a) ? a + a : Math.Ceiling(a);

    public static double Floor64(double a) => double.IsNaN(a) ? a + a : Math.Floor(a);

    public static double Trunc64(double a) => double.IsNaN(a) ? a + a : Math.Truncate(a);

    public static double Nearest64(double a) => double.IsNaN(a) ? a + a : Math.Round(a, MidpointRounding.ToEven);

    public static float Abs32(float a) =>
        BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) & int.MaxValue);

    public static double Abs64(double a) =>
        BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) & long.MaxValue);

    public static float Neg32(float a) =>
        BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) ^ int.MinValue);

    public static double Neg64(double a) =>
        BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) ^ long.MinValue);

    public static float CopySign32(float a, float b) => BitConverter.Int32BitsToSingle(
        (BitConverter.SingleToInt32Bits(a) & int.MaxValue) | (BitConverter.SingleToInt32Bits(b) & int.MinValue));

    public static double CopySign64(double a, double b) => BitConverter.Int64BitsToDouble(
        (BitConverter.DoubleToInt64Bits(a) & long.MaxValue) | (BitConverter.DoubleToInt64Bits(b) & long.MinValue));

    /// <summary>Kept out of line: the JIT holds float constants as doubles, which would quieten a NaN.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float NotANumber32(int bits) => BitConverter.Int32BitsToSingle(bits);

    // Arithmetic that the JIT may not see through, for constants that it would fold.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Add32(float a, float b) => a + b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Sub32(float a, float b) => a - b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Mul32(float a, float b) => a * b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Div32(float a, float b) => a / b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Add64(double a, double b) => a + b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Sub64(double a, double b) => a - b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Mul64(double a, double b) => a * b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Div64(double a, double b) => a / b;

    public static int Select(int a, int b, int condition) => condition != 0 ? a : b;

    public static long Select(long a, long b, int condition) => condition != 0 ? a : b;

    public static float Select(float a, float b, int condition) => condition != 0 ? a : b;

    public static double Select(double a, double b, int condition) => condition != 0 ? a : b;

    public static System.Runtime.Intrinsics.Vector128<byte> Select(
        System.Runtime.Intrinsics.Vector128<byte> a, System.Runtime.Intrinsics.Vector128<byte> b, int condition) =>
        condition != 0 ? a : b;

    public static object? Select(object? a, object? b, int condition) => condition != 0 ? a : b;
}
