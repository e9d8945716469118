using System.Buffers.Binary;

namespace AgentRuntime.Conformance.Wasm.Text;

/// <summary>Bytes of the binary format, as the text is turned into it.</summary>
internal sealed class WasmBytes
{
    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public WasmBytes Byte(int value)
    {
        _bytes.Add((byte)value);
        return this;
    }

    public WasmBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public WasmBytes U32(uint value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
        return Byte((byte)value);
    }

    public WasmBytes Signed(long value)
    {
        while (value is < -64 or > 63)
        {
            _bytes.Add((byte)(value | 0x80));
            value >>= 7;
        }

        return Byte((byte)(value & 0x7F));
    }

    public WasmBytes Fixed32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public WasmBytes Fixed64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public WasmBytes Name(byte[] name) => U32((uint)name.Length).Raw(name);

    public WasmBytes Opcode(int opcode) => opcode > 0xFF ? Byte(opcode >> 8).U32((uint)opcode & 0xFF) : Byte(opcode);

    public WasmBytes Section(byte id, List<WasmBytes> items)
    {
        if (items.Count == 0) return this;
        var content = new WasmBytes().U32((uint)items.Count);
        foreach (var item in items) content.Raw(item.ToArray());
        return Section(id, content);
    }

    public WasmBytes Section(byte id, WasmBytes content)
    {
        var bytes = content.ToArray();
        return Byte(id).U32((uint)bytes.Length).Raw(bytes);
    }
}
