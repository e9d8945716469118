namespace AgentRuntime.Sandboxes.Engine;

/// <summary>
/// Reads from a module that has been validated how much memory it starts with (WebAssembly 2.0 §5.5.8), so that a
/// guest that cannot fit is refused before anything is reserved for it. Stateless.
/// </summary>
internal static class ModuleMemory
{
    private const int MemorySection = 5;
    private const int HeaderBytes = 8;
    private const long PageBytes = 65_536;

    /// <summary>Bytes of the first memory at instantiation; 0 when the module has none.</summary>
    public static long InitialBytes(ReadOnlySpan<byte> wasm)
    {
        var rest = wasm[HeaderBytes..];
        while (rest.Length > 0)
        {
            var id = rest[0];
            rest = rest[1..];
            var size = (int)U32(ref rest);
            var section = rest[..size];
            if (id == MemorySection && U32(ref section) > 0)
            {
                section = section[1..];
                return U32(ref section) * PageBytes;
            }
            rest = rest[size..];
        }
        return 0;
    }

    private static uint U32(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0u;
        for (var shift = 0; ; shift += 7)
        {
            var part = bytes[0];
            bytes = bytes[1..];
            value |= (uint)(part & 0x7F) << shift;
            if ((part & 0x80) == 0) return value;
        }
    }
}
