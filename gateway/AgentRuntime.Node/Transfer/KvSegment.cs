using System.Buffers.Binary;
using System.Collections;
using System.Security.Cryptography;

namespace AgentRuntime.Node.Transfer;

/// <summary>
/// The exported state of the positions [From, To) of a sequence. Immutable until its buffer is returned.
/// </summary>
internal sealed record KvSegment(int From, int To, KvBuffer Buffer, string Sha256)
{
    // llama.cpp v0.5.0: llama-context.cpp (io_magic, sequence id), llama-kv-cache.cpp (streams, cells; a cell is its
    // position, the number of its sequences and the sequence).
    private const uint Magic = 0xaf143cd8;
    private const int HeaderBytes = 16;
    private const int StreamBytes = 8;
    private const int CellBytes = 12;

    public ReadOnlyMemory<byte> State => Buffer.Memory;

    public int Length => Buffer.Length;

    public static KvSegment Of(int from, int to, KvBuffer state) => new(from, to, state, Digest(state.Span));

    public static string Digest(ReadOnlySpan<byte> state) => Convert.ToHexStringLower(SHA256.HashData(state));

    /// <summary>A state of these positions without keys and values: what a simulation moves.</summary>
    public static byte[] Empty(int from, int to)
    {
        var state = new byte[HeaderBytes + ((to - from) * CellBytes)];
        BinaryPrimitives.WriteUInt32LittleEndian(state, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(8), 1);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(12), to - from);
        for (var i = 0; i < to - from; i++)
        {
            var cell = state.AsSpan(HeaderBytes + (i * CellBytes), CellBytes);
            BinaryPrimitives.WriteInt32LittleEndian(cell, from + i);
            BinaryPrimitives.WriteInt32LittleEndian(cell[4..], 1);
        }

        return state;
    }

    /// <summary>The positions of a state that llama.cpp has taken, in the order of its cells.</summary>
    public static int[] Positions(ReadOnlySpan<byte> state)
    {
        var positions = new int[BinaryPrimitives.ReadInt32LittleEndian(state[12..])];
        for (var i = 0; i < positions.Length; i++)
            positions[i] = BinaryPrimitives.ReadInt32LittleEndian(state[(HeaderBytes + (i * CellBytes))..]);
        return positions;
    }

    /// <summary>
    /// Whether the bytes begin as llama.cpp's state of exactly these positions. Checked before llama.cpp sees them,
    /// because it asserts some of this and an assertion ends the process.
    /// </summary>
    public static bool IsStateOf(ReadOnlySpan<byte> state, int from, int to)
    {
        var count = to - from;
        if (count <= 0 || state.Length < HeaderBytes + ((long)count * CellBytes)) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(state) != Magic) return false;
        if (BinaryPrimitives.ReadInt32LittleEndian(state[8..]) != 1) return false;
        if (BinaryPrimitives.ReadInt32LittleEndian(state[12..]) != count) return false;
        // Cells come in the order of the pool, which need not be that of the positions.
        var seen = new BitArray(count);
        for (var i = 0; i < count; i++)
        {
            var cell = state.Slice(HeaderBytes + (i * CellBytes), CellBytes);
            var position = BinaryPrimitives.ReadInt32LittleEndian(cell) - from;
            if (position < 0 || position >= count || seen[position]) return false;
            if (BinaryPrimitives.ReadInt32LittleEndian(cell[4..]) != 1) return false;
            seen[position] = true;
        }

        return true;
    }

    /// <summary>
    /// Whether a state that <see cref="IsStateOf"/> goes on, behind the layers that see everything, with the same cells
    /// of those that have a window (llama-kv-cache-iswa.cpp).
    /// </summary>
    public static bool HasWindow(ReadOnlySpan<byte> state)
    {
        var cells = Cells(state);
        var rest = state[(HeaderBytes - StreamBytes + cells.Length)..];
        return ReadLayers(ref rest, cells, static (_, _) => true) && rest.StartsWith(cells);
    }

    /// <summary>
    /// Whether a state that <see cref="IsStateOf"/> has layers to its end, and only finite numbers in them: a key or
    /// value that is none spoils everything that is ever computed on it, and a checksum does not tell.
    /// </summary>
    public static bool HasNumbers(ReadOnlySpan<byte> state)
    {
        var cells = Cells(state);
        // A simulation moves no layers. Layers with a window come as another run of the same cells.
        for (var rest = state[(HeaderBytes - StreamBytes + cells.Length)..]; !rest.IsEmpty;)
        {
            if (!ReadLayers(ref rest, cells, KvNumbers.AreFinite)) return false;
            if (rest.IsEmpty) break;
            if (!rest.StartsWith(cells) || rest.Length == cells.Length) return false;
            rest = rest[cells.Length..];
        }

        return true;
    }

    /// <summary>The part that tells of the cells, from their number on.</summary>
    private static ReadOnlySpan<byte> Cells(ReadOnlySpan<byte> state)
    {
        var count = BinaryPrimitives.ReadInt32LittleEndian(state[12..]);
        return state.Slice(HeaderBytes - StreamBytes, StreamBytes + (count * CellBytes));
    }

    /// <summary>
    /// Passes over keys and values: for each layer its type, what a cell takes, and the cells; transposed values have
    /// the bytes of an element and their number instead. A cache of keys alone has no values (MLA).
    /// </summary>
    private static bool ReadLayers(
        ref ReadOnlySpan<byte> rest, ReadOnlySpan<byte> cells, Func<int, ReadOnlySpan<byte>, bool> isGood)
    {
        if (rest.Length < 8) return false;
        var count = (cells.Length - StreamBytes) / CellBytes;
        var transposed = BinaryPrimitives.ReadInt32LittleEndian(rest) != 0;
        var layers = BinaryPrimitives.ReadInt32LittleEndian(rest[4..]);
        rest = rest[8..];
        for (var i = 0L; i < 2L * layers; i++)
        {
            if (i == layers && (rest.IsEmpty || rest.StartsWith(cells))) break;
            if (rest.Length < 12) return false;
            var type = BinaryPrimitives.ReadInt32LittleEndian(rest);
            var bytes = transposed && i >= layers
                ? (UInt128)BinaryPrimitives.ReadUInt32LittleEndian(rest[4..])
                    * BinaryPrimitives.ReadUInt32LittleEndian(rest[8..])
                : BinaryPrimitives.ReadUInt64LittleEndian(rest[4..]);
            rest = rest[12..];
            if (bytes * (uint)count > (uint)rest.Length) return false;
            var length = (int)(bytes * (uint)count);
            if (!isGood(type, rest[..length])) return false;
            rest = rest[length..];
        }

        return true;
    }
}
