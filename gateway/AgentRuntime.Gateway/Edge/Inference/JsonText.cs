using System.Globalization;
using System.Text.Unicode;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Whether the texts of a JSON body are Unicode: JSON can spell half a surrogate pair, which no text is (RFC 8259, 8.2;
/// I-JSON, RFC 7493, 2.1, forbids it). Readers find that only when they read the text, and engines differ in what they
/// make of it. Stateless.
/// </summary>
internal static class JsonText
{
    private const int HexDigits = 4;

    /// <exception cref="RuntimeErrorException">AR1004: it holds bytes or escapes that are no Unicode.</exception>
    public static void DemandUnicode(ReadOnlySpan<byte> body)
    {
        if (!Utf8.IsValid(body) || HasHalfPair(body))
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.MalformedRequest, "the body holds text that is not Unicode", "body"));
        }
    }

    /// <summary>Escapes stand within strings only, where every backslash begins one.</summary>
    private static bool HasHalfPair(ReadOnlySpan<byte> rest)
    {
        while (rest.IndexOf((byte)'\\') is >= 0 and var at)
        {
            rest = rest[at..];
            if (CodeOf(rest) is not { } code)
            {
                rest = rest[Math.Min(2, rest.Length)..];
                continue;
            }

            rest = rest[(2 + HexDigits)..];
            if (char.IsLowSurrogate(code))
                return true;
            if (!char.IsHighSurrogate(code))
                continue;
            if (CodeOf(rest) is not { } low || !char.IsLowSurrogate(low))
                return true;
            rest = rest[(2 + HexDigits)..];
        }

        return false;
    }

    /// <summary>What an escape of the form \u0000 stands for, if one begins here.</summary>
    private static char? CodeOf(ReadOnlySpan<byte> text) =>
        text.Length >= 2 + HexDigits && text.StartsWith("\\u"u8)
        && ushort.TryParse(text.Slice(2, HexDigits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
            out var code)
            ? (char)code
            : null;
}
