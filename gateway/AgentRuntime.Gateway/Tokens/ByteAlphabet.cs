using System.Text;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// GPT-2's names of bytes (<c>bytes_to_unicode</c>): a printable character for each, so that a vocabulary of byte
/// strings can be written as text. Stateless.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = Build();
    private static readonly Dictionary<char, byte> Bytes = Characters.Select((c, b) => (c, b))
        .ToDictionary(p => p.c, p => (byte)p.b);

    public static char CharacterOf(byte value) => Characters[value];

    /// <summary>Text as the characters of its UTF-8 bytes.</summary>
    public static string Encode(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(bytes.Length, bytes, static (target, source) =>
        {
            for (var i = 0; i < source.Length; i++)
                target[i] = Characters[source[i]];
        });
    }

    /// <summary>The bytes that a token's characters stand for; null when one of them stands for none.</summary>
    public static byte[]? Decode(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            if (!Bytes.TryGetValue(token[i], out bytes[i]))
                return null;
        }

        return bytes;
    }

    private static char[] Build()
    {
        var characters = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
            characters[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)b : (char)next++;
        return characters;
    }
}
