using System.Buffers.Binary;

namespace AgentRuntime.Conformance.Wasm.Text;

/// <summary>Vector constants: a shape and its lanes.</summary>
internal static class TextVectors
{
    public static int LaneBits(TextNode shape) => shape.Atom switch
    {
        "i8x16" => 8,
        "i16x8" => 16,
        "i32x4" or "f32x4" => 32,
        "i64x2" or "f64x2" => 64,
        _ => throw shape.Error("not a shape"),
    };

    public static ulong Lane(TextNode shape, TextNode lane) => shape.Atom switch
    {
        "f32x4" => TextNumbers.Float32(lane),
        "f64x2" => TextNumbers.Float64(lane),
        _ when LaneBits(shape) == 64 => TextNumbers.Integer(lane),
        _ => TextNumbers.Integer(lane) & ((1UL << LaneBits(shape)) - 1),
    };

    public static byte[] Bytes(List<TextNode> nodes, ref int at)
    {
        var shape = nodes[at++];
        var bits = LaneBits(shape);
        var bytes = new byte[16];
        Span<byte> lane = stackalloc byte[8];
        for (var i = 0; i < 128 / bits; i++)
        {
            if (at >= nodes.Count) throw shape.Error("wrong number of lanes");
            BinaryPrimitives.WriteUInt64LittleEndian(lane, Lane(shape, nodes[at++]));
            lane[..(bits / 8)].CopyTo(bytes.AsSpan(i * bits / 8));
        }

        return bytes;
    }
}
