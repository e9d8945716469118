using System.Buffers;
using System.Security.Cryptography;

namespace AgentRuntime.Abstractions;

/// <summary>
/// The text form shared by the typed digests: 64 lower-case hex digits of a SHA-256 (FIPS 180-4). Stateless.
/// </summary>
internal static class Sha256Digest
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    public static string Of(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static string Valid(string hex) => IsValid(hex)
        ? hex
        : throw new FormatException("expected 64 lower-case hex digits of a SHA-256");

    public static bool IsValid(string hex) => hex is { Length: 64 } && !hex.AsSpan().ContainsAnyExcept(HexDigits);
}
