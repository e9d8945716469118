using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>What functions that can reach a blocking import do to leave their frames and to come back to
/// them.</summary>
internal static class Suspension
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsUnwinding(ManagedInstance instance) => instance.State == GuestState.Unwinding;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsRewinding(ManagedInstance instance) => instance.State == GuestState.Rewinding;

    public static void PushFrame(int site, ManagedInstance instance, int function) =>
        instance.Frames.PushFrame(function, site);

    public static int PopFrame(ManagedInstance instance, int function) => instance.Frames.PopFrame(function);

    /// <summary>What an indirect call had called; its table element may have changed since.</summary>
    public static Delegate NextCallee(ManagedInstance instance) => instance.SuspendedCallee();

    [DoesNotReturn]
    public static void UnknownSite() => throw FrameStack.Corrupt();

    public static void PushI32(int value, ManagedInstance instance) =>
        BinaryPrimitives.WriteInt32LittleEndian(instance.Frames.Push(4), value);

    public static void PushI64(long value, ManagedInstance instance) =>
        BinaryPrimitives.WriteInt64LittleEndian(instance.Frames.Push(8), value);

    public static void PushF32(float value, ManagedInstance instance) =>
        PushI32(BitConverter.SingleToInt32Bits(value), instance);

    public static void PushF64(double value, ManagedInstance instance) =>
        PushI64(BitConverter.DoubleToInt64Bits(value), instance);

    public static void PushV128(Vector128<byte> value, ManagedInstance instance) =>
        value.CopyTo(instance.Frames.Push(16));

    public static void PushRef(object? value, ManagedInstance instance) => instance.Frames.References.Add(value);

    public static int PopI32(ManagedInstance instance) =>
        BinaryPrimitives.ReadInt32LittleEndian(instance.Frames.Pop(4));

    public static long PopI64(ManagedInstance instance) =>
        BinaryPrimitives.ReadInt64LittleEndian(instance.Frames.Pop(8));

    public static float PopF32(ManagedInstance instance) => BitConverter.Int32BitsToSingle(PopI32(instance));

    public static double PopF64(ManagedInstance instance) => BitConverter.Int64BitsToDouble(PopI64(instance));

    public static Vector128<byte> PopV128(ManagedInstance instance) =>
        MemoryMarshal.Read<Vector128<byte>>(instance.Frames.Pop(16));

    public static object? PopRef(ManagedInstance instance) => instance.Frames.PopReference();
}

/// <summary>Where an instance is between calls and within them.</summary>
internal enum GuestState
{
    Running = 0,
    Unwinding,
    Suspended,
    Rewinding,
}
