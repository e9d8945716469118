namespace AgentRuntime.Rpc.Metadata;

/// <summary>
/// Values of <c>-bin</c> headers: base64 of RFC 4648 §4, written without padding and read with or without
/// (PROTOCOL-HTTP2, Requests). Stateless.
/// </summary>
internal static class BinaryValue
{
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    public static bool TryDecode(string text, out byte[] bytes)
    {
        var padded = text.Length % 4 == 0 ? text : text + new string('=', 4 - (text.Length % 4));
        bytes = new byte[padded.Length / 4 * 3];
        if (!Convert.TryFromBase64String(padded, bytes, out var count)) return false;
        Array.Resize(ref bytes, count);
        return true;
    }
}
