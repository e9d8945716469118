using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// What a snapshot of a sandbox holds before the engine's own part, little-endian: magic, version, module digest, what
/// the guest waits for and where the answer goes, what it has used, and SHA-256 of that. The digests find damage; they
/// do not prove who wrote the bytes, so that everything is bounded and checked when it is used. Stateless.
/// </summary>
internal static class SandboxSnapshot
{
    private const uint Magic = 0x53535241;
    private const uint Version = 1;
    private const int ContentBytes = 77;
    private const int DigestBytes = SHA256.HashSizeInBytes;

    public static void Write(
        IBufferWriter<byte> destination, ModuleDigest module, BlockedCall blocked, SandboxUsage usage)
    {
        var header = destination.GetSpan(ContentBytes + DigestBytes)[..(ContentBytes + DigestBytes)];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], Version);
        Convert.FromHexString(module.ToString()).CopyTo(header[8..]);
        header[40] = (byte)blocked.Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(header[41..], blocked.ReturnArea);
        BinaryPrimitives.WriteInt64LittleEndian(header[45..], usage.CpuTime.Ticks);
        BinaryPrimitives.WriteInt64LittleEndian(header[53..], usage.MemoryPeak.Value);
        BinaryPrimitives.WriteInt64LittleEndian(header[61..], usage.HostCalls);
        BinaryPrimitives.WriteInt64LittleEndian(header[69..], usage.LogBytes.Value);
        SHA256.HashData(header[..ContentBytes], header[ContentBytes..]);
        destination.Advance(ContentBytes + DigestBytes);
    }

    /// <summary>Reads it, and says where the engine's part begins.</summary>
    /// <exception cref="WasmSnapshotException">Damaged, or of another module or version.</exception>
    public static (BlockedCall Blocked, SandboxUsage Usage, int CoreAt) Read(
        ReadOnlySpan<byte> snapshot, ModuleDigest module)
    {
        if (snapshot.Length < ContentBytes + DigestBytes) throw new WasmSnapshotException("the snapshot is too short");
        var header = snapshot[..ContentBytes];
        if (!SHA256.HashData(header).AsSpan().SequenceEqual(snapshot.Slice(ContentBytes, DigestBytes)))
        {
            throw new WasmSnapshotException("the snapshot is damaged");
        }
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != Version)
        {
            throw new WasmSnapshotException("not a snapshot of this version");
        }
        if (Convert.ToHexStringLower(header[8..40]) != module.ToString())
        {
            throw new WasmSnapshotException("the snapshot is of another module");
        }
        var kind = (AnswerKind)header[40];
        if (!Enum.IsDefined(kind)) throw new WasmSnapshotException("the snapshot waits for nothing that there is");
        var usage = new SandboxUsage(
            new TimeSpan(NotNegative(header[45..])),
            new ByteCount(NotNegative(header[53..])),
            (int)Math.Min(NotNegative(header[61..]), int.MaxValue - 1),
            new ByteCount(NotNegative(header[69..])));
        return (
            new BlockedCall(kind, BinaryPrimitives.ReadUInt32LittleEndian(header[41..])),
            usage,
            ContentBytes + DigestBytes);
    }

    /// <summary>The error for a snapshot that cannot be used.</summary>
    public static RuntimeError Invalid(WasmSnapshotException e) =>
        new(ReasonCodes.InvalidSnapshot, $"The snapshot cannot be restored: {e.Message}.");

    private static long NotNegative(ReadOnlySpan<byte> bytes)
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        return value >= 0 ? value : throw new WasmSnapshotException("a count is negative");
    }
}
