namespace AgentRuntime.Gateway;

/// <summary>What one message of an engine says of its KV cache. Immutable.</summary>
/// <param name="Events">In their order.</param>
internal sealed record KvEventBatch(IReadOnlyList<KvEvent> Events);

/// <summary>One change of an engine's KV cache. Immutable.</summary>
internal abstract record KvEvent;

/// <summary>Consecutive blocks can be reused from now on.</summary>
/// <param name="Hashes">The engine's own hashes, folded to 64 bits.</param>
/// <param name="Parent">The hash of the block before the first; null for a prompt's first block.</param>
/// <param name="Tokens">The token ids of all blocks.</param>
/// <param name="BlockTokens">Tokens of a block.</param>
/// <param name="Lora">The adapter; null for the base model.</param>
/// <param name="Salt">
/// The cache salt of a prompt's first block; null when it has none, and then no tenant's requests can meet it.
/// </param>
/// <param name="Foreign">Blocks from the end that depend on more than tokens, adapter and salt (images).</param>
internal sealed record KvBlocksStored(
    ulong[] Hashes, ulong? Parent, int[] Tokens, int BlockTokens, string? Lora, string? Salt, int Foreign) : KvEvent;

/// <summary>Blocks are gone.</summary>
internal sealed record KvBlocksRemoved(ulong[] Hashes) : KvEvent;

/// <summary>Every block is gone.</summary>
internal sealed record KvBlocksCleared : KvEvent;

/// <summary>Blocks of which nothing can be said here: no token ids, an unknown event. Counted, no more.</summary>
/// <param name="Blocks">How many.</param>
internal sealed record KvBlocksUnreadable(int Blocks) : KvEvent;
