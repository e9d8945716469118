using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// A suspended instance as bytes, little-endian: magic, version, the module's SHA-256, CPU time used, CPU time that
/// playing back took, the import that is to answer, the export that waits for it, and the journal that brings a new
/// instance there; then SHA-256 of all that. The digests find damage; they do not prove who wrote the bytes, so that
/// everything is checked when it is played back.
/// </summary>
internal static class ReplaySnapshot
{
    private const uint Magic = 0x524A5457;
    private const uint Version = 2;
    private const int HeaderBytes = 4 + 4 + SHA256.HashSizeInBytes + 8 + 8 + 4 + 4;

    public static void Write(
        IBufferWriter<byte> destination,
        byte[] module,
        long cpuUsed,
        long replayed,
        int import,
        int export,
        ReadOnlySpan<byte> journal)
    {
        var content = destination.GetSpan(HeaderBytes + journal.Length + SHA256.HashSizeInBytes);
        content = content[..(HeaderBytes + journal.Length + SHA256.HashSizeInBytes)];
        BinaryPrimitives.WriteUInt32LittleEndian(content, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(content[4..], Version);
        module.CopyTo(content[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(content[40..], cpuUsed);
        BinaryPrimitives.WriteInt64LittleEndian(content[48..], replayed);
        BinaryPrimitives.WriteInt32LittleEndian(content[56..], import);
        BinaryPrimitives.WriteInt32LittleEndian(content[60..], export);
        journal.CopyTo(content[HeaderBytes..]);
        SHA256.HashData(content[..^SHA256.HashSizeInBytes], content[^SHA256.HashSizeInBytes..]);
        destination.Advance(content.Length);
    }

    /// <exception cref="WasmSnapshotException">Damaged, or of another module or version.</exception>
    public static (long CpuUsed, long Replayed, int Import, int Export, byte[] Journal) Read(
        ReadOnlySpan<byte> snapshot, byte[] module)
    {
        if (snapshot.Length < HeaderBytes + SHA256.HashSizeInBytes)
            throw new WasmSnapshotException("the snapshot is too short");
        var content = snapshot[..^SHA256.HashSizeInBytes];
        if (!SHA256.HashData(content).AsSpan().SequenceEqual(snapshot[^SHA256.HashSizeInBytes..]))
            throw new WasmSnapshotException("the snapshot is damaged");
        if (BinaryPrimitives.ReadUInt32LittleEndian(content) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(content[4..]) != Version)
            throw new WasmSnapshotException("not a snapshot of this engine and version");
        if (!content[8..40].SequenceEqual(module))
            throw new WasmSnapshotException("the snapshot is of another module");
        return (
            Math.Max(0, BinaryPrimitives.ReadInt64LittleEndian(content[40..])),
            Math.Max(0, BinaryPrimitives.ReadInt64LittleEndian(content[48..])),
            BinaryPrimitives.ReadInt32LittleEndian(content[56..]),
            BinaryPrimitives.ReadInt32LittleEndian(content[60..]),
            content[HeaderBytes..].ToArray());
    }
}
