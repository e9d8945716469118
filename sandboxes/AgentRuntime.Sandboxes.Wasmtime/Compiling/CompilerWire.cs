using System.Buffers.Binary;

namespace AgentRuntime.Sandboxes.Wasmtime.Compiling;

/// <summary>What a compiler process says on its standard output, ahead of a length and bytes.</summary>
internal enum CompilerAnswer : byte
{
    /// <summary>It is ready for a module; nothing follows.</summary>
    Ready = 1,

    /// <summary>The module's serialized code follows.</summary>
    Code = 2,

    /// <summary>What the compiler says against the module follows, in UTF-8.</summary>
    Refused = 3,
}

/// <summary>
/// The frames between a host and its compiler process: a length in four bytes, little-endian, and so many bytes. The
/// module goes to the process's standard input in one frame; the end of that input ends the process. Stateless.
/// </summary>
internal static class CompilerWire
{
    public static void Write(Stream stream, ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        stream.Write(length);
        stream.Write(bytes);
        stream.Flush();
    }

    /// <summary>Null where the length is beyond the limit; nothing more can be read then.</summary>
    /// <exception cref="EndOfStreamException">The other side is gone.</exception>
    public static byte[]? Read(Stream stream, int maxBytes)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        stream.ReadExactly(length);
        var count = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (count < 0 || count > maxBytes) return null;
        var bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
