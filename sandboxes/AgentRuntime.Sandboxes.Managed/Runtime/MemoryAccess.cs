using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// The only way from emitted code to linear memory. Every accessor checks the whole access against the length of the
/// span it was given, which the runtime made from the array itself: whatever the compiler emits, nothing outside of
/// that array is reached (decision record 0100).
/// </summary>
internal static class MemoryAccess
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span<byte> View(ManagedInstance instance) => instance.Memory0.View;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref byte At(int address, Span<byte> memory, uint offset, uint size, int at)
    {
        // The last address that fits does not change in a loop; below zero, when nothing fits, all addresses exceed it.
        long first = (uint)address;
        if (first > memory.Length - (long)size - offset) Traps.MemoryOutOfBounds(at);
        return ref Unsafe.Add(ref MemoryMarshal.GetReference(memory), (nint)(first + offset));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load8S(int address, Span<byte> memory, uint offset, int at) =>
        (sbyte)At(address, memory, offset, 1, at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load8U(int address, Span<byte> memory, uint offset, int at) => At(address, memory, offset, 1, at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load16S(int address, Span<byte> memory, uint offset, int at) =>
        Unsafe.ReadUnaligned<short>(ref At(address, memory, offset, 2, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load16U(int address, Span<byte> memory, uint offset, int at) =>
        Unsafe.ReadUnaligned<ushort>(ref At(address, memory, offset, 2, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load32(int address, Span<byte> memory, uint offset, int at) =>
        Unsafe.ReadUnaligned<int>(ref At(address, memory, offset, 4, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Load64(int address, Span<byte> memory, uint offset, int at) =>
        Unsafe.ReadUnaligned<long>(ref At(address, memory, offset, 8, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadF32(int address, Span<byte> memory, uint offset, int at) =>
        Unsafe.ReadUnaligned<float>(ref At(address, memory, offset, 4, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double LoadF64(int address, Span<byte> memory, uint offset, int at) =>
        Unsafe.ReadUnaligned<double>(ref At(address, memory, offset, 8, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load128(int address, Span<byte> memory, uint offset, int at) =>
        Unsafe.ReadUnaligned<Vector128<byte>>(ref At(address, memory, offset, 16, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store8(int address, int value, Span<byte> memory, uint offset, int at) =>
        At(address, memory, offset, 1, at) = (byte)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store16(int address, int value, Span<byte> memory, uint offset, int at) =>
        Unsafe.WriteUnaligned(ref At(address, memory, offset, 2, at), (short)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store32(int address, int value, Span<byte> memory, uint offset, int at) =>
        Unsafe.WriteUnaligned(ref At(address, memory, offset, 4, at), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store64(int address, long value, Span<byte> memory, uint offset, int at) =>
        Unsafe.WriteUnaligned(ref At(address, memory, offset, 8, at), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreF32(int address, float value, Span<byte> memory, uint offset, int at) =>
        Unsafe.WriteUnaligned(ref At(address, memory, offset, 4, at), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreF64(int address, double value, Span<byte> memory, uint offset, int at) =>
        Unsafe.WriteUnaligned(ref At(address, memory, offset, 8, at), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(int address, Vector128<byte> value, Span<byte> memory, uint offset, int at) =>
        Unsafe.WriteUnaligned(ref At(address, memory, offset, 16, at), value);

    public static int Size(ManagedInstance instance) => instance.Memory0.Pages;

    public static int Grow(int pages, ManagedInstance instance) => instance.Memory0.Grow(pages);

    public static void Fill(int address, int value, int length, ManagedInstance instance, int at)
    {
        var memory = instance.Memory0;
        if ((ulong)(uint)address + (uint)length > (ulong)memory.Length) Traps.MemoryOutOfBounds(at);
        Frames.Bulk(instance, length, at);
        memory.View.Slice(address, length).Fill((byte)value);
    }

    public static void Copy(int destination, int source, int length, ManagedInstance instance, int at)
    {
        var memory = instance.Memory0;
        var farthest = (ulong)Math.Max((uint)destination, (uint)source);
        if (farthest + (uint)length > (ulong)memory.Length) Traps.MemoryOutOfBounds(at);
        Frames.Bulk(instance, length, at);
        memory.View.Slice(source, length).CopyTo(memory.View.Slice(destination, length));
    }

    public static void Init(int destination, int source, int length, ManagedInstance instance, int segment, int at)
    {
        var memory = instance.Memory0;
        var data = instance.DataSegment(segment);
        if ((ulong)(uint)source + (uint)length > (ulong)data.Length
            || (ulong)(uint)destination + (uint)length > (ulong)memory.Length)
        {
            Traps.MemoryOutOfBounds(at);
        }

        Frames.Bulk(instance, length, at);
        data.Slice(source, length).CopyTo(memory.View.Slice(destination, length));
    }

    public static void DropData(ManagedInstance instance, int segment) => instance.DropData(segment);
}
