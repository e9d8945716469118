namespace AgentRuntime.ControlPlane;

/// <summary>
/// CRC-32 as in ISO-HDLC and zip (reflected polynomial 0xEDB88320). Tells a mistyped key from a real one without a
/// look-up; it protects nothing. Stateless.
/// </summary>
internal static class Crc32
{
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320;
        }
        return ~crc;
    }
}
