namespace AgentRuntime.Gateway.Routing;

/// <summary>What a batch's sequence number means for its source.</summary>
public enum FeedVerdict : byte
{
    /// <summary>The batch is the next one: apply it.</summary>
    Apply = 1,

    /// <summary>The batch was applied before: drop it.</summary>
    Duplicate = 2,

    /// <summary>
    /// Batches are missing: ask the source for <see cref="KvEventFeed.NextSequence"/> and on, apply what it sends, then
    /// this one; or call <see cref="KvEventFeed.GapIsLost"/> when the source cannot replay.
    /// </summary>
    Gap = 3,

    /// <summary>
    /// The engine restarted and everything known of it has been forgotten. Apply the batch when it is number 0;
    /// otherwise treat it as a <see cref="Gap"/>.
    /// </summary>
    Restarted = 4,
}

/// <summary>
/// The KV events of one engine (vLLM <c>kv_events.py</c>): follows the sequence, and translates the engine's own block
/// hashes, whose seed is random in each process, to block keys. Single writer, the same as its index. Memory is bounded
/// by the blocks that the engine says it holds, and by the bound of the constructor.
/// </summary>
public sealed class KvEventFeed
{
    private readonly KvIndex _index;
    private readonly BlockHasher _hasher;
    private readonly int _engine;
    private readonly int _blockTokens;
    private readonly int _maxBlocks;
    private Dictionary<ulong, BlockKey> _keys = [];
    private ulong? _lastLive;

    /// <summary>A feed that has seen nothing.</summary>
    /// <param name="index">The index to write to.</param>
    /// <param name="hasher">The router's hasher.</param>
    /// <param name="engine">The engine's number in the index.</param>
    /// <param name="blockTokens">The router's block size; events of another size are counted and left out.</param>
    /// <param name="maxBlocks">The most blocks that one engine may announce. Default 4 Mi.</param>
    public KvEventFeed(KvIndex index, BlockHasher hasher, int engine, int blockTokens, int maxBlocks = 4 << 20)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentNullException.ThrowIfNull(hasher);
        (_index, _hasher, _engine, _blockTokens, _maxBlocks) = (index, hasher, engine, blockTokens, maxBlocks);
    }

    /// <summary>The sequence number that is expected next.</summary>
    public ulong NextSequence { get; private set; }

    /// <summary>Blocks that could not be correlated: unknown parent, other block size, over the bound.</summary>
    public long Uncorrelated { get; private set; }

    /// <summary>Blocks that the engine says it holds.</summary>
    public int BlockCount => _keys.Count;

    /// <summary>
    /// Judges a batch by its sequence number, before its events are applied. A live number that goes backwards means a
    /// restarted engine: its publisher starts at 0 with the process. Live batches that a replay has already brought are
    /// duplicates.
    /// </summary>
    /// <param name="sequence">The batch's number.</param>
    /// <param name="replayed">Whether the batch came from the replay socket.</param>
    public FeedVerdict Judge(ulong sequence, bool replayed = false)
    {
        if (!replayed && _lastLive is { } last && sequence <= last)
        {
            Restarted();
            if (sequence == 0)
                (NextSequence, _lastLive) = (1, 0);
            return FeedVerdict.Restarted;
        }

        if (sequence > NextSequence && !replayed)
            return FeedVerdict.Gap;
        if (!replayed)
            _lastLive = sequence;
        if (sequence < NextSequence)
            return FeedVerdict.Duplicate;
        NextSequence = sequence + 1;
        return FeedVerdict.Apply;
    }

    /// <summary>
    /// The missing batches cannot be had: go on with a later one, believing what was known for a while only.
    /// </summary>
    /// <param name="next">The number of the batch that will be applied next.</param>
    /// <param name="now">Seconds on the caller's monotonic clock.</param>
    public void GapIsLost(ulong next, double now)
    {
        NextSequence = next;
        _index.Doubt(_engine, now);
    }

    /// <summary>The engine restarted or its connection names another process: nothing that was known is true.</summary>
    public void Restarted()
    {
        NextSequence = 0;
        _lastLive = null;
        Cleared();
    }

    /// <summary><c>AllBlocksCleared</c>.</summary>
    public void Cleared()
    {
        _keys = [];
        _index.Forget(_engine);
    }

    /// <summary><c>BlockStored</c>: consecutive blocks that follow one parent.</summary>
    /// <param name="hashes">The engine's hashes (bytes folded to their last 8), one for each block.</param>
    /// <param name="parent">The engine's hash of the block before; null for block 0.</param>
    /// <param name="tokens">The token ids of all blocks.</param>
    /// <param name="blockTokens">Tokens of a block.</param>
    /// <param name="scope">LoRA and salt, from <c>extra_keys</c>.</param>
    public void Stored(
        ReadOnlySpan<ulong> hashes, ulong? parent, ReadOnlySpan<int> tokens, int blockTokens, BlockScope scope)
    {
        var key = default(BlockKey);
        if (blockTokens != _blockTokens || tokens.Length < (long)hashes.Length * blockTokens
            || (parent is { } hash && !_keys.TryGetValue(hash, out key)))
        {
            Uncorrelated += hashes.Length;
            return;
        }

        for (var i = 0; i < hashes.Length; i++)
        {
            if (_keys.Count >= _maxBlocks)
            {
                Uncorrelated += hashes.Length - i;
                return;
            }

            key = _hasher.Next(key, tokens.Slice(i * blockTokens, blockTokens), scope);
            _keys[hashes[i]] = key;
            _index.Store(_engine, key);
        }
    }

    /// <summary><c>BlockRemoved</c>.</summary>
    public void Removed(ReadOnlySpan<ulong> hashes)
    {
        foreach (var hash in hashes)
        {
            if (_keys.Remove(hash, out var key))
                _index.Evict(_engine, key);
        }
    }
}
