using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// Values that do not fit a .NET signature on their way: second and later results, and the arguments of indirect
/// calls with more than <see cref="Emission.DelegateTypes.MaxParameters"/>. Shared by the instances of one link group;
/// filled directly before and emptied directly after the transfer.
/// </summary>
internal sealed class ValueBuffer
{
    public Vector128<byte>[] Bits { get; private set; } = [];

    public object?[] References { get; private set; } = [];

    public void Reserve(int count)
    {
        if (Bits.Length >= count) return;
        Bits = new Vector128<byte>[count];
        References = new object?[count];
    }
}

/// <summary>How emitted code reaches the <see cref="ValueBuffer"/>: array accesses that the runtime checks.</summary>
internal static class ValueTransfer
{
    public static void SetI32(int value, ManagedInstance instance, int index) =>
        instance.Buffer.Bits[index] = Vector128.CreateScalar(value).AsByte();

    public static void SetI64(long value, ManagedInstance instance, int index) =>
        instance.Buffer.Bits[index] = Vector128.CreateScalar(value).AsByte();

    public static void SetF32(float value, ManagedInstance instance, int index) =>
        SetI32(BitConverter.SingleToInt32Bits(value), instance, index);

    public static void SetF64(double value, ManagedInstance instance, int index) =>
        SetI64(BitConverter.DoubleToInt64Bits(value), instance, index);

    public static void SetV128(Vector128<byte> value, ManagedInstance instance, int index) =>
        instance.Buffer.Bits[index] = value;

    public static void SetRef(object? value, ManagedInstance instance, int index) =>
        instance.Buffer.References[index] = value;

    public static int GetI32(ManagedInstance instance, int index) => instance.Buffer.Bits[index].AsInt32().ToScalar();

    public static long GetI64(ManagedInstance instance, int index) => instance.Buffer.Bits[index].AsInt64().ToScalar();

    public static float GetF32(ManagedInstance instance, int index) =>
        BitConverter.Int32BitsToSingle(GetI32(instance, index));

    public static double GetF64(ManagedInstance instance, int index) =>
        BitConverter.Int64BitsToDouble(GetI64(instance, index));

    public static Vector128<byte> GetV128(ManagedInstance instance, int index) => instance.Buffer.Bits[index];

    public static object? GetRef(ManagedInstance instance, int index) => instance.Buffer.References[index];
}

/// <summary>How entry points read arguments and write results: spans that check their indices.</summary>
internal static class EntryTransfer
{
    public static int Depth(ManagedInstance instance) => instance.Depth;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GetI32(ReadOnlySpan<WasmValue> values, int index) => values[index].AsI32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long GetI64(ReadOnlySpan<WasmValue> values, int index) => values[index].AsI64();

    public static float GetF32(ReadOnlySpan<WasmValue> values, int index) => values[index].AsF32();

    public static double GetF64(ReadOnlySpan<WasmValue> values, int index) => values[index].AsF64();

    public static Vector128<byte> GetV128(ReadOnlySpan<WasmValue> values, int index) => values[index].Bits.AsByte();

    public static object? GetRef(ReadOnlySpan<WasmValue> values, int index) => Unpack(values[index]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetI32(int value, Span<WasmValue> values, int index) => values[index] = WasmValue.FromI32(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetI64(long value, Span<WasmValue> values, int index) =>
        values[index] = WasmValue.FromI64(value);

    public static void SetF32(float value, Span<WasmValue> values, int index) =>
        values[index] = WasmValue.FromF32(value);

    public static void SetF64(double value, Span<WasmValue> values, int index) =>
        values[index] = WasmValue.FromF64(value);

    public static void SetV128(Vector128<byte> value, Span<WasmValue> values, int index) =>
        values[index] = new WasmValue(value.AsUInt64());

    public static void SetRef(object? value, Span<WasmValue> values, int index) => values[index] = Pack(value);

    /// <summary>References cross as numbers: null as 0, a host reference as itself plus one, a function as 1.</summary>
    public static WasmValue Pack(object? value) => value switch
    {
        null => default,
        ExternReference host => WasmValue.FromI64((long)host.Value + 1),
        _ => WasmValue.FromI64(1),
    };

    public static object? Unpack(WasmValue value) =>
        value.AsI64() == 0 ? null : new ExternReference((ulong)value.AsI64() - 1);
}

/// <summary>How import stubs hand arguments to the host: through the instance's own stack of values.</summary>
internal static class HostTransfer
{
    /// <summary>Makes room for one host call and returns where.</summary>
    public static int Begin(ManagedInstance instance, int slots) => instance.ReserveHostSlots(slots);

    public static void SetI32(int value, ManagedInstance instance, int index) =>
        instance.HostStack[index] = WasmValue.FromI32(value);

    public static void SetI64(long value, ManagedInstance instance, int index) =>
        instance.HostStack[index] = WasmValue.FromI64(value);

    public static void SetF32(float value, ManagedInstance instance, int index) =>
        instance.HostStack[index] = WasmValue.FromF32(value);

    public static void SetF64(double value, ManagedInstance instance, int index) =>
        instance.HostStack[index] = WasmValue.FromF64(value);

    public static void SetV128(Vector128<byte> value, ManagedInstance instance, int index) =>
        instance.HostStack[index] = new WasmValue(value.AsUInt64());

    public static void SetRef(object? value, ManagedInstance instance, int index) =>
        instance.HostStack[index] = EntryTransfer.Pack(value);

    public static int GetI32(ManagedInstance instance, int index) => instance.HostStack[index].AsI32();

    public static long GetI64(ManagedInstance instance, int index) => instance.HostStack[index].AsI64();

    public static float GetF32(ManagedInstance instance, int index) => instance.HostStack[index].AsF32();

    public static double GetF64(ManagedInstance instance, int index) => instance.HostStack[index].AsF64();

    public static Vector128<byte> GetV128(ManagedInstance instance, int index) =>
        instance.HostStack[index].Bits.AsByte();

    public static object? GetRef(ManagedInstance instance, int index) =>
        EntryTransfer.Unpack(instance.HostStack[index]);

    /// <summary>Calls the host function; its results start at <paramref name="slot"/>.</summary>
    public static void Invoke(ManagedInstance instance, int import, int slot, int depth) =>
        instance.CallHost(import, slot, depth);

    /// <summary>The code of an import that another module supplied; null when the host did.</summary>
    public static Delegate? Linked(ManagedInstance instance, int import) => instance.Links[import]?.Code;
}
