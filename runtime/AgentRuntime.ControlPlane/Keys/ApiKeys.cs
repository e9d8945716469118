using System.Security.Cryptography;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// The form of API keys: <c>ar_live_</c>, 22 base-62 digits of the key's id, 32 random base-62 digits (190 bits), and
/// 6 base-62 digits of the CRC-32 of all that. One word, so that a double click selects it; the fixed prefix and the
/// checksum let secret scanners recognize it. Only the SHA-256 of the whole is kept. Stateless.
/// </summary>
public static class ApiKeys
{
    /// <summary>What every key starts with.</summary>
    public const string Prefix = "ar_live_";

    private const int IdLength = 22;
    private const int SecretLength = 32;
    private const int ChecksumLength = 6;
    private const int MaxOnStack = 512;
    private const int Length = 8 + IdLength + SecretLength + ChecksumLength;

    /// <summary>Makes a key. Its text is shown once, to whoever asked for it, and cannot be had again.</summary>
    public static IssuedApiKey Issue(TenantId tenant, ProjectId project, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        var id = ApiKeyId.New(time);
        Span<char> text = stackalloc char[Length];
        Prefix.CopyTo(text);
        Span<byte> bytes = stackalloc byte[16];
        id.Value.TryWriteBytes(bytes, bigEndian: true, out _);
        Base62.Write(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes), text.Slice(Prefix.Length, IdLength));
        RandomNumberGenerator.GetItems(Base62.Digits, text.Slice(Prefix.Length + IdLength, SecretLength));
        Base62.Write(Checksum(text[..^ChecksumLength]), text[^ChecksumLength..]);
        var credential = new string(text);
        return new IssuedApiKey(
            new ApiKeyRecord(id, tenant, project, Hash(credential), time.GetUtcNow()), credential);
    }

    /// <summary>The id that a key names; false when the text is no key or is mistyped. Proves nothing yet.</summary>
    public static bool TryReadId(string? credential, out ApiKeyId id)
    {
        id = default;
        if (credential is not { Length: Length } || !credential.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var text = credential.AsSpan();
        if (!Base62.TryRead(text[^ChecksumLength..], out var checksum) || checksum != Checksum(text[..^ChecksumLength]))
            return false;
        if (!Base62.TryRead(text.Slice(Prefix.Length, IdLength), out var number) || number == UInt128.Zero)
            return false;
        Span<byte> bytes = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        id = new ApiKeyId(new Guid(bytes, bigEndian: true));
        return true;
    }

    /// <summary>Whether this is the key's text. Takes the same time whichever byte is wrong.</summary>
    public static bool Matches(ApiKeyRecord key, string credential)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(credential);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (Encoding.UTF8.GetMaxByteCount(credential.Length) is var most && most > MaxOnStack)
        {
            SHA256.HashData(Encoding.UTF8.GetBytes(credential), hash);
        }
        else
        {
            Span<byte> text = stackalloc byte[most];
            SHA256.HashData(text[..Encoding.UTF8.GetBytes(credential, text)], hash);
        }

        return CryptographicOperations.FixedTimeEquals(key.SecretHash.Span, hash);
    }

    internal static byte[] Hash(string credential) => SHA256.HashData(Encoding.UTF8.GetBytes(credential));

    /// <summary>Characters outside Latin-1 give a checksum too, and then fail to be digits.</summary>
    private static uint Checksum(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[text.Length * 3];
        return Crc32.Of(bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
    }
}

/// <summary>A new key: what is stored, and the text that is shown once. Immutable.</summary>
/// <param name="Record">What is stored.</param>
/// <param name="Credential">The key's text: never store or log it.</param>
public sealed record IssuedApiKey(ApiKeyRecord Record, string Credential)
{
    /// <summary>The id only, so that logging the record does not log the secret.</summary>
    public override string ToString() => $"IssuedApiKey {Record.Id}";
}
