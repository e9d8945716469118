using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <summary>
/// A suspended instance as bytes, little-endian: magic, version, module digest, counters, entry, awaited import,
/// globals, tables, segment flags, memory (size, then the 4 KiB blocks that are not zero), frames, and SHA-256 of it
/// all.
/// </summary>
internal static class SnapshotFormat
{
    public const uint Magic = 0x53574152;
    public const uint Version = 2;
    public const int BlockBytes = 4096;
    public const int DigestBytes = 32;
}

/// <summary>
/// Writes the format, piece by piece: a memory may be large, and many guests may be written at once, so that it lies
/// nowhere but in the guest and in the destination.
/// </summary>
internal static class SnapshotWriter
{
    private const int PieceBytes = 64 << 10;

    public static void Write(ManagedInstance instance, IBufferWriter<byte> destination)
    {
        var writer = new ArrayBufferWriter<byte>(4096);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        U32(writer, SnapshotFormat.Magic);
        U32(writer, SnapshotFormat.Version);
        writer.Write(instance.Module.Digest);
        I64(writer, instance.CpuUsed);
        I64(writer, instance.CreditLeft);
        I64(writer, instance.Fuel);
        U32(writer, (uint)instance.SuspendedFunction);
        U32(writer, (uint)instance.AwaitedImport);
        foreach (var global in instance.Globals)
        {
            if (!global.Type.Mutable) continue;
            I64(writer, global.Bits);
            global.Vector.AsSpan(writer);
            Reference(writer, instance, global.Reference);
        }

        foreach (var table in instance.Tables)
        {
            U32(writer, (uint)table.Length);
            foreach (var element in table.Elements) Reference(writer, instance, element);
        }

        foreach (var dropped in instance.DroppedData) writer.Write([(byte)(dropped ? 1 : 0)]);
        foreach (var dropped in instance.DroppedElements) writer.Write([(byte)(dropped ? 0 : 1)]);
        Memory(writer, instance.Memory0, hash, destination);
        U32(writer, (uint)instance.Frames.Bytes.Length);
        writer.Write(instance.Frames.Bytes);
        U32(writer, (uint)instance.Frames.References.Count);
        foreach (var reference in instance.Frames.References) Reference(writer, instance, reference);
        HandOver(writer, hash, destination);
        destination.Write(hash.GetHashAndReset());
    }

    private static void HandOver(ArrayBufferWriter<byte> writer, IncrementalHash hash, IBufferWriter<byte> destination)
    {
        hash.AppendData(writer.WrittenSpan);
        destination.Write(writer.WrittenSpan);
        writer.ResetWrittenCount();
    }

    private static void AsSpan(this System.Runtime.Intrinsics.Vector128<byte> vector, ArrayBufferWriter<byte> writer)
    {
        System.Runtime.Intrinsics.Vector128.CopyTo(vector, writer.GetSpan(16));
        writer.Advance(16);
    }

    private static void Memory(
        ArrayBufferWriter<byte> writer, LinearMemory? memory, IncrementalHash hash, IBufferWriter<byte> destination)
    {
        var view = memory is null ? default : memory.View;
        U32(writer, (uint)(view.Length / LinearMemory.PageBytes));
        for (var at = 0; at < view.Length; at += SnapshotFormat.BlockBytes)
        {
            var block = view.Slice(at, SnapshotFormat.BlockBytes);
            if (!block.ContainsAnyExcept((byte)0)) continue;
            U32(writer, (uint)(at / SnapshotFormat.BlockBytes));
            writer.Write(block);
            if (writer.WrittenCount >= PieceBytes) HandOver(writer, hash, destination);
        }

        U32(writer, uint.MaxValue);
    }

    private static void Reference(ArrayBufferWriter<byte> writer, ManagedInstance instance, object? value) =>
        U32(writer, value switch
        {
            null => 0,
            FunctionReference f when f.Owner == instance => (uint)f.Index + 1,
            _ => throw new WasmSnapshotException("a reference to something of the host's cannot be stored"),
        });

    private static void U32(ArrayBufferWriter<byte> writer, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(writer.GetSpan(4), value);
        writer.Advance(4);
    }

    private static void I64(ArrayBufferWriter<byte> writer, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(writer.GetSpan(8), value);
        writer.Advance(8);
    }
}

/// <summary>
/// Reads the format into an instance whose imports, memory, tables and globals exist. The digest proves that nothing
/// was damaged, not who wrote it: what is read is bounded all the same, and frames are checked when rewound.
/// </summary>
internal ref struct SnapshotReader
{
    private ReadOnlySpan<byte> _rest;

    public static void Read(ReadOnlySpan<byte> snapshot, ManagedInstance instance, ReadOnlySpan<byte> module)
    {
        if (snapshot.Length < SnapshotFormat.DigestBytes) throw new WasmSnapshotException("the snapshot is too short");
        var content = snapshot[..^SnapshotFormat.DigestBytes];
        if (!SHA256.HashData(content).AsSpan().SequenceEqual(snapshot[^SnapshotFormat.DigestBytes..]))
            throw new WasmSnapshotException("the snapshot is damaged");
        new SnapshotReader { _rest = content }.Read(instance, module);
    }

    private void Read(ManagedInstance instance, ReadOnlySpan<byte> module)
    {
        if (U32() != SnapshotFormat.Magic || U32() != SnapshotFormat.Version)
            throw new WasmSnapshotException("not a snapshot of this version");
        if (!Take(module.Length).SequenceEqual(module))
            throw new WasmSnapshotException("the snapshot is of another module");
        instance.CpuUsed = Math.Max(0, I64());
        instance.CreditLeft = Math.Clamp(I64(), 0, ManagedInstance.MaxCredit);
        instance.Fuel = Math.Min(instance.Fuel, I64());
        var entry = (int)U32();
        var import = (int)U32();
        foreach (var global in instance.Globals)
        {
            if (!global.Type.Mutable) continue;
            global.Bits = I64();
            global.Vector =
                System.Runtime.InteropServices.MemoryMarshal.Read<System.Runtime.Intrinsics.Vector128<byte>>(Take(16));
            global.Reference = Reference(instance);
        }

        foreach (var table in instance.Tables)
        {
            var length = U32();
            if (length < (uint)table.Length) throw new WasmSnapshotException("a table is too short");
            var more = (int)(length - (uint)table.Length);
            if (!instance.MayGrow(table, more)) throw new WasmSnapshotException("a table exceeds the limit");
            instance.GrowTable(table, null, more);
            foreach (ref var element in table.Elements) element = Reference(instance);
        }

        for (var i = 0; i < instance.DroppedData.Length; i++) instance.DroppedData[i] = Take(1)[0] != 0;
        for (var i = 0; i < instance.DroppedElements.Length; i++)
            if (Take(1)[0] == 0) instance.DropElements(i);
        Memory(instance.Memory0);
        var frames = Take((int)Math.Min(U32(), int.MaxValue));
        var references = new object?[Math.Min(U32(), (uint)_rest.Length)];
        for (var i = 0; i < references.Length; i++) references[i] = Reference(instance);
        if (!_rest.IsEmpty) throw new WasmSnapshotException("the snapshot is too long");
        instance.Frames.Load(frames, references);
        instance.BecomeSuspended(entry, import);
    }

    private void Memory(LinearMemory? memory)
    {
        var pages = (int)U32();
        if (memory is null ? pages != 0 : pages < memory.Pages || memory.Grow(pages - memory.Pages) < 0)
            throw new WasmSnapshotException("the memory does not fit the limits");
        for (var block = U32(); block != uint.MaxValue; block = U32())
        {
            var at = (ulong)block * SnapshotFormat.BlockBytes;
            if (memory is null || at >= (ulong)memory.Length)
                throw new WasmSnapshotException("a block is beyond the memory");
            Take(SnapshotFormat.BlockBytes).CopyTo(memory.View[(int)at..]);
        }
    }

    private FunctionReference? Reference(ManagedInstance instance)
    {
        var value = U32();
        if (value == 0) return null;
        return instance.IsReferenced((int)value - 1)
            ? instance.Reference((int)value - 1)
            : throw new WasmSnapshotException("a reference names no function");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length) throw new WasmSnapshotException("the snapshot is too short");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private long I64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));
}
