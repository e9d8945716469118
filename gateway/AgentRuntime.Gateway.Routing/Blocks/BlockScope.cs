using System.Text;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What besides its tokens decides the content and the visibility of a KV block, hashed once: the LoRA adapter is part
/// of every block, the cache salt of block 0 only, from where the parent chain carries it on (vLLM
/// <c>kv_cache_utils.py</c>, <c>generate_block_hash_extra_keys</c>). Immutable.
/// </summary>
public readonly record struct BlockScope
{
    internal BlockScope(ulong lora, ulong salt)
    {
        Lora = lora;
        Salt = salt;
    }

    internal ulong Lora { get; }

    internal ulong Salt { get; }

    /// <summary>Hashes the names.</summary>
    /// <param name="salt">The tenant's or trust group's cache salt; empty for blocks that everyone may share.</param>
    /// <param name="lora">The adapter's name; null for the base model.</param>
    public static BlockScope Create(string salt, string? lora = null)
    {
        ArgumentNullException.ThrowIfNull(salt);
        return new(HashName(lora), HashName(salt));
    }

    private static ulong HashName(string? name) =>
        string.IsNullOrEmpty(name) ? 0 : XxHash64.Hash(Encoding.UTF8.GetBytes(name), 1);
}
