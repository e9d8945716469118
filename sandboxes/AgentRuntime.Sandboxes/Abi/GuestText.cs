using System.Text;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Abi;

/// <summary>
/// The checks that every pointer, length and text of a guest passes before the host believes it. What does not pass
/// is a trap of the guest (AR3010), never an exception of the host. Stateless.
/// </summary>
internal static class GuestText
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>
    /// A window of guest memory to write to, aligned and within bounds; not to be kept over a guest's call. Never of a
    /// length that the guest chose alone: an engine may have to compare it afterwards.
    /// </summary>
    public static Span<byte> Window(IGuestMemory memory, uint address, long lengthBytes, uint alignment)
    {
        Check(memory, address, lengthBytes, alignment);
        return memory.Slice(address, (uint)lengthBytes);
    }

    /// <summary>A window to read from, under the same rules; of any length.</summary>
    public static ReadOnlySpan<byte> View(IGuestMemory memory, uint address, long lengthBytes, uint alignment)
    {
        Check(memory, address, lengthBytes, alignment);
        return memory.View(address, (uint)lengthBytes);
    }

    /// <summary>Checks that so many bytes are there, and aligned.</summary>
    public static void Check(IGuestMemory memory, uint address, long lengthBytes, uint alignment)
    {
        if (address % alignment != 0) throw Lie($"pointer 0x{address:x} is not aligned to {alignment}");
        if (lengthBytes > memory.LengthBytes - address)
            throw Lie($"{lengthBytes} bytes at 0x{address:x} leave the memory of {memory.LengthBytes} bytes");
    }

    /// <summary>Text that must be UTF-8 (RFC 3629); surrogates and overlong forms are refused.</summary>
    public static string Decode(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return Strict.GetString(utf8);
        }
        catch (DecoderFallbackException e)
        {
            throw Lie($"a text is not UTF-8 at its byte {e.Index}");
        }
    }

    /// <summary>As much of a text as fits, cut between characters.</summary>
    public static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> utf8, long maxBytes)
    {
        if (utf8.Length <= maxBytes) return utf8;
        var end = (int)maxBytes;
        while (end > 0 && (utf8[end] & 0xC0) == 0x80) end--;
        return utf8[..end];
    }

    /// <summary>The trap for a guest that gave the host something that is not so.</summary>
    public static WasmTrapException Lie(string detail) => new(TrapKind.InvalidHostArgument, detail);
}
