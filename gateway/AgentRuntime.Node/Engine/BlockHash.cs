using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// The identity of a KV block: the first 128 bits of SHA-256 over its parent's identity and its token ids. The salt is
/// hashed into the root only and inherited through the chain (vllm: kv_cache_utils.py), so that tenants with different
/// salts never meet in one block. 128 bits of a cryptographic hash: a tenant cannot make a block collide with
/// another's.
/// </summary>
internal readonly record struct BlockHash(ulong High, ulong Low)
{
    /// <summary>The parent of first blocks under a salt and an adapter.</summary>
    public static BlockHash Root(string? salt, string? adapter) =>
        Take(SHA256.HashData(Encoding.UTF8.GetBytes($"root\0{salt?.Length ?? -1}\0{salt}\0{adapter}")));

    /// <summary>The identity of the block of <paramref name="tokens"/> after this one.</summary>
    public BlockHash Next(ReadOnlySpan<int> tokens)
    {
        Span<byte> input = stackalloc byte[16 + (tokens.Length * 4)];
        Write(input);
        MemoryMarshal.AsBytes(tokens).CopyTo(input[16..]);
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(input, digest);
        return Take(digest);
    }

    /// <summary>Writes the 16 bytes, most significant first.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, High);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], Low);
    }

    private static BlockHash Take(ReadOnlySpan<byte> digest) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(digest), BinaryPrimitives.ReadUInt64BigEndian(digest[8..]));
}
