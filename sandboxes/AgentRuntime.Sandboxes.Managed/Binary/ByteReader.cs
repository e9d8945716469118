using System.Buffers.Binary;
using System.Text;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>
/// Reads the primitive encodings of the binary format (WebAssembly 2.0 §5.2) from a window of the module's bytes.
/// Every overrun and every over-long number is a <see cref="ModuleFault.Malformed"/> module. Not thread-safe.
/// </summary>
internal sealed class ByteReader(byte[] bytes, int start, int end)
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    public byte[] Bytes => bytes;

    public int Position { get; private set; } = start;

    public int End => end;

    public int Remaining => end - Position;

    public WasmModuleException Malformed(string message) => new(ModuleFault.Malformed, message, Position);

    public byte Byte()
    {
        if (Position >= end) throw Malformed("unexpected end");
        return bytes[Position++];
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > Remaining) throw Malformed("unexpected end");
        var span = bytes.AsSpan(Position, count);
        Position += count;
        return span;
    }

    public uint U32()
    {
        // One-byte numbers are nearly all there are.
        if (Position < end && bytes[Position] < 0x80) return bytes[Position++];
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var b = Byte();
            if (shift == 28 && (b & 0x80) != 0) throw Malformed("integer representation too long");
            if (shift == 28 && b > 0x0F) throw Malformed("integer too large");
            value |= (ulong)(b & 0x7F) << shift;
            if ((b & 0x80) == 0) return (uint)value;
        }
    }

    public int S32() => (int)Signed(32);

    public long S33() => Signed(33);

    public long S64() => Signed(64);

    public uint Fixed32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong Fixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A vector's length, refused when not even one byte is left for each element.</summary>
    public int Count(string what)
    {
        var count = U32();
        if (count > (uint)Remaining) throw Malformed($"length out of bounds: {what}");
        return (int)count;
    }

    public string Name()
    {
        var length = U32();
        if (length > (uint)Remaining) throw Malformed("length out of bounds: name");
        try
        {
            return StrictUtf8.GetString(Take((int)length));
        }
        catch (DecoderFallbackException)
        {
            throw Malformed("malformed UTF-8 encoding");
        }
    }

    public ByteReader Window(int length)
    {
        if (length < 0 || length > Remaining) throw Malformed("length out of bounds");
        var window = new ByteReader(bytes, Position, Position + length);
        Position += length;
        return window;
    }

    private long Signed(int bits)
    {
        long value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var b = Byte();
            var left = bits - shift;
            if (left < 7)
            {
                // The last byte: unused bits must repeat the sign bit.
                if ((b & 0x80) != 0) throw Malformed("integer representation too long");
                var unused = (sbyte)(b << 1) >> left;
                if (unused is not (0 or -1)) throw Malformed("integer too large");
            }

            value |= (long)(b & 0x7F) << shift;
            if ((b & 0x80) != 0) continue;
            var width = shift + 7;
            return width < 64 ? value << (64 - width) >> (64 - width) : value;
        }
    }
}
