using System.Globalization;
using System.Text;

namespace AgentRuntime.Rpc.Metadata;

/// <summary>
/// The value of <c>grpc-message</c>: UTF-8, of which everything but space to tilde without % is written as %XX
/// (PROTOCOL-HTTP2, Responses: Percent-Encoded). Reading never fails: a broken escape stays as it is. Stateless.
/// </summary>
internal static class StatusMessage
{
    /// <summary>The most bytes of a message, before encoding: a header must fit the peer's limit of 8 KiB.</summary>
    private const int MostBytes = 2048;

    public static string Encode(string message)
    {
        var bytes = Encoding.UTF8.GetBytes(message);
        var text = new StringBuilder(bytes.Length + 16);
        foreach (var b in bytes.AsSpan(0, Math.Min(bytes.Length, MostBytes)))
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%') text.Append((char)b);
            else text.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
        }

        return text.ToString();
    }

    public static string Decode(string value)
    {
        if (!value.Contains('%', StringComparison.Ordinal)) return value;
        var bytes = new List<byte>(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '%' && i + 2 < value.Length
                && char.IsAsciiHexDigit(value[i + 1]) && char.IsAsciiHexDigit(value[i + 2]))
            {
                bytes.Add(byte.Parse(value.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture));
                i += 2;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(value, i, 1));
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
