using System.Runtime.InteropServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Computes block keys: H(parent, tokens, LoRA, salt in block 0). Only whole blocks have a key, as only whole blocks
/// are cached. The seed keeps tenants from constructing collisions, so it is drawn from a secure source by whoever
/// composes the gateway, and every part of one router uses the same. Immutable and thread-safe.
/// </summary>
/// <param name="seed">Secret of this router process.</param>
public sealed class BlockHasher(ulong seed)
{
    private readonly ulong _root = XxHash64.Avalanche(seed ^ 0x6167656E74727574);

    /// <summary>How many whole blocks a prompt has.</summary>
    public static int BlockCount(int length, int blockLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfLessThan(blockLength, 1);
        return length / blockLength;
    }

    /// <summary>The keys of a prompt's whole blocks, from its token ids.</summary>
    /// <param name="tokens">The prompt.</param>
    /// <param name="blockTokens">Tokens of a block, at least 1; the engine's block size.</param>
    /// <param name="scope">LoRA and salt.</param>
    /// <param name="keys">Receives the keys; what does not fit is left out.</param>
    /// <returns>How many keys were written.</returns>
    public int HashTokens(ReadOnlySpan<int> tokens, int blockTokens, BlockScope scope, Span<BlockKey> keys) =>
        HashBytes(MemoryMarshal.AsBytes(tokens), checked(blockTokens * sizeof(int)), scope, keys);

    /// <summary>
    /// The keys of a prompt's whole chunks, from its text, for models without a tokenizer here. Such keys never meet
    /// those of KV events: the index then lives from dispatches and responses alone.
    /// </summary>
    /// <param name="utf8">The prompt as the engine will render it, as far as it is known.</param>
    /// <param name="chunkBytes">Bytes of a chunk, at least 1.</param>
    /// <param name="scope">LoRA and salt.</param>
    /// <param name="keys">Receives the keys; what does not fit is left out.</param>
    /// <returns>How many keys were written.</returns>
    public int HashText(ReadOnlySpan<byte> utf8, int chunkBytes, BlockScope scope, Span<BlockKey> keys) =>
        HashBytes(utf8, chunkBytes, scope, keys);

    /// <summary>The key of one block.</summary>
    /// <param name="parent">The block before it; <c>default</c> for block 0.</param>
    /// <param name="tokens">The block's token ids.</param>
    /// <param name="scope">LoRA and salt; the salt counts in block 0 only.</param>
    public BlockKey Next(BlockKey parent, ReadOnlySpan<int> tokens, BlockScope scope) =>
        Next(parent, MemoryMarshal.AsBytes(tokens), scope);

    private int HashBytes(ReadOnlySpan<byte> data, int blockBytes, BlockScope scope, Span<BlockKey> keys)
    {
        var count = Math.Min(BlockCount(data.Length, blockBytes), keys.Length);
        var parent = default(BlockKey);
        for (var i = 0; i < count; i++)
        {
            parent = Next(parent, data.Slice(i * blockBytes, blockBytes), scope);
            keys[i] = parent;
        }

        return count;
    }

    private BlockKey Next(BlockKey parent, ReadOnlySpan<byte> block, BlockScope scope)
    {
        var chain = parent.Value == 0 ? XxHash64.Avalanche(_root ^ scope.Salt) : parent.Value;
        var hash = XxHash64.Hash(block, XxHash64.Avalanche(chain + scope.Lora));
        return new(hash == 0 ? 1 : hash);
    }
}
