using System.Buffers.Binary;
using System.Security.Cryptography;

namespace AgentRuntime.Abstractions;

/// <summary>
/// Names for what happens thousands of times a second and is no secret: requests, legs, decisions. The same form as
/// typed ids, 32 hex digits of a UUIDv7 (RFC 9562 §5.7), but the random part is a counter that went through a keyed
/// permutation, so that a name costs no system call. No two of one process are equal; knowing some tells neither
/// others nor how many there were, to whoever does not break the permutation: never use one as a credential.
/// Thread-safe.
/// </summary>
public static class RequestName
{
    private const int TimeBits = 48;
    private const ulong Multiplier1 = 0xBF58_476D_1CE4_E5B9;
    private const ulong Multiplier2 = 0x94D0_49BB_1331_11EB;
    private static readonly ulong KeyBefore = Secret();
    private static readonly ulong KeyAfter = Secret();
    private static ulong _made = Secret();

    /// <summary>A new name.</summary>
    /// <param name="prefix">What it starts with, such as <c>req_</c>; may be empty.</param>
    /// <param name="now">The time; its milliseconds are the first 12 digits.</param>
    public static string New(string prefix, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        var random = Permute(Interlocked.Increment(ref _made));

        // 48 bits of time, the version, 2 of the 64 random bits in rand_a; the variant and the other 62 in rand_b.
        var high = ((ulong)now.ToUnixTimeMilliseconds() << (64 - TimeBits)) | 0x7000 | (random >> 62);
        var low = 0x8000_0000_0000_0000 | (random & 0x3FFF_FFFF_FFFF_FFFF);
        return string.Create(prefix.Length + 32, (prefix, high, low), static (text, parts) =>
        {
            parts.prefix.CopyTo(text);
            Span<byte> bytes = stackalloc byte[16];
            BinaryPrimitives.WriteUInt64BigEndian(bytes, parts.high);
            BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], parts.low);
            Convert.TryToHexStringLower(bytes, text[parts.prefix.Length..], out _);
        });
    }

    /// <summary>
    /// One to one on 64 bits: SplitMix64's finalizer (Steele and others, OOPSLA 2014) between two keys.
    /// </summary>
    private static ulong Permute(ulong value)
    {
        value ^= KeyBefore;
        value = (value ^ (value >> 30)) * Multiplier1;
        value = (value ^ (value >> 27)) * Multiplier2;
        return value ^ (value >> 31) ^ KeyAfter;
    }

    private static ulong Secret() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
}
