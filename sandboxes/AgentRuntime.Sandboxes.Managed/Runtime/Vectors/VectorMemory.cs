using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>Vector loads and stores, all through <see cref="MemoryAccess"/>.</summary>
internal static class VectorMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load8x8S(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.WidenLower(Vector128.CreateScalar(MemoryAccess.Load64(address, memory, offset, at)).AsSByte()).AsByte(
            );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load8x8U(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.WidenLower(Vector128.CreateScalar(MemoryAccess.Load64(address, memory, offset, at)).AsByte()).AsByte(
            );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load16x4S(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.WidenLower(Vector128.CreateScalar(MemoryAccess.Load64(address, memory, offset, at)).AsInt16()).AsByte(
            );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load16x4U(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.WidenLower(Vector128.CreateScalar(MemoryAccess.Load64(address, memory, offset, at)).AsUInt16(
            )).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load32x2S(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.WidenLower(Vector128.CreateScalar(MemoryAccess.Load64(address, memory, offset, at)).AsInt32()).AsByte(
            );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load32x2U(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.WidenLower(Vector128.CreateScalar(MemoryAccess.Load64(address, memory, offset, at)).AsUInt32(
            )).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load8Splat(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.Create((byte)MemoryAccess.Load8U(address, memory, offset, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load16Splat(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.Create((short)MemoryAccess.Load16U(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load32Splat(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.Create(MemoryAccess.Load32(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load64Splat(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.Create(MemoryAccess.Load64(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load32Zero(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.CreateScalar(MemoryAccess.Load32(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load64Zero(int address, Span<byte> memory, uint offset, int at) =>
        Vector128.CreateScalar(MemoryAccess.Load64(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load8Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        vector.WithElement(lane, (byte)MemoryAccess.Load8U(address, memory, offset, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load16Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        vector.AsInt16().WithElement(lane, (short)MemoryAccess.Load16U(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load32Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        vector.AsInt32().WithElement(lane, MemoryAccess.Load32(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load64Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        vector.AsInt64().WithElement(lane, MemoryAccess.Load64(address, memory, offset, at)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store8Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        MemoryAccess.Store8(address, vector.GetElement(lane), memory, offset, at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store16Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        MemoryAccess.Store16(address, vector.AsInt16().GetElement(lane), memory, offset, at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store32Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        MemoryAccess.Store32(address, vector.AsInt32().GetElement(lane), memory, offset, at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store64Lane(
        int address, Vector128<byte> vector, int lane, Span<byte> memory, uint offset, int at) =>
        MemoryAccess.Store64(address, vector.AsInt64().GetElement(lane), memory, offset, at);
}
