using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>A global variable. Single-writer, like the instance that owns it.</summary>
internal sealed class WasmGlobal(GlobalType type)
{
    public GlobalType Type { get; } = type;

    public long Bits;
    public Vector128<byte> Vector;
    public object? Reference;
}

/// <summary>The only way from emitted code to globals: an array access that the runtime checks.</summary>
internal static class GlobalAccess
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GetI32(ManagedInstance instance, int global) => (int)instance.Globals[global].Bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long GetI64(ManagedInstance instance, int global) => instance.Globals[global].Bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GetF32(ManagedInstance instance, int global) =>
        BitConverter.Int32BitsToSingle((int)instance.Globals[global].Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double GetF64(ManagedInstance instance, int global) =>
        BitConverter.Int64BitsToDouble(instance.Globals[global].Bits);

    public static Vector128<byte> GetV128(ManagedInstance instance, int global) => instance.Globals[global].Vector;

    public static object? GetRef(ManagedInstance instance, int global) => instance.Globals[global].Reference;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetI32(int value, ManagedInstance instance, int global) =>
        instance.Globals[global].Bits = (uint)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetI64(long value, ManagedInstance instance, int global) =>
        instance.Globals[global].Bits = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetF32(float value, ManagedInstance instance, int global) =>
        instance.Globals[global].Bits = (uint)BitConverter.SingleToInt32Bits(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetF64(double value, ManagedInstance instance, int global) =>
        instance.Globals[global].Bits = BitConverter.DoubleToInt64Bits(value);

    public static void SetV128(Vector128<byte> value, ManagedInstance instance, int global) =>
        instance.Globals[global].Vector = value;

    public static void SetRef(object? value, ManagedInstance instance, int global) =>
        instance.Globals[global].Reference = value;
}
