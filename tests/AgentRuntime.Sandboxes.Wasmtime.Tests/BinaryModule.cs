namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>Writes modules byte by byte, for what no assembler would write.</summary>
internal static class BinaryModule
{
    public static byte[] Header => [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0];

    /// <summary>Functions that take an i32, of which the first is exported as <c>run</c>, and a memory.</summary>
    /// <param name="memoryPages">Its size.</param>
    /// <param name="bodies">Each with its locals in front.</param>
    public static byte[] Of(int memoryPages, params byte[][] bodies) =>
    [
        .. Header,
        .. Section(1, [1, 0x60, 1, 0x7F, 0]),
        .. Section(3, [.. Leb(bodies.Length), .. new byte[bodies.Length]]),
        .. Section(5, [1, 0, .. Leb(memoryPages)]),
        .. Section(7, [1, 3, (byte)'r', (byte)'u', (byte)'n', 0, 0]),
        .. Section(10, [.. Leb(bodies.Length), .. bodies.SelectMany(b => (byte[])[.. Leb(b.Length), .. b])]),
    ];

    public static byte[] Section(byte id, byte[] content) => [id, .. Leb(content.Length), .. content];

    public static byte[] Leb(int value)
    {
        var bytes = new List<byte>();
        for (; value > 0x7F; value >>= 7) bytes.Add((byte)((value & 0x7F) | 0x80));
        return [.. bytes, (byte)value];
    }
}
