namespace AgentRuntime.Node.Engine;

/// <summary>Hears what the prefix cache gains and loses, on the engine's thread.</summary>
internal interface IPrefixCacheObserver
{
    /// <summary>A block can be reused from now on.</summary>
    void Stored(in StoredBlock block);

    /// <summary>A block is gone.</summary>
    void Removed(BlockHash hash);

    /// <summary>Every block is gone.</summary>
    void Cleared();

    /// <summary>A step of the engine is over: what was heard in it belongs together.</summary>
    void Flush();
}

/// <summary>A block that can be reused.</summary>
/// <param name="Hash">Its identity.</param>
/// <param name="Parent">The block before it; null for a first block.</param>
/// <param name="Tokens">Its token ids.</param>
/// <param name="Salt">The salt of its root; null for none.</param>
/// <param name="Adapter">The LoRA adapter; null for none.</param>
internal readonly record struct StoredBlock(
    BlockHash Hash, BlockHash? Parent, int[] Tokens, string? Salt, string? Adapter);
