using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// KV blocks that left the pool of cells, as bytes in the process's memory, the least recently used dropped first,
/// those that are claimed after all others. Putting one back is a copy; computing it again is a pass of the model.
/// Owned by the engine's thread.
/// </summary>
internal sealed class BlockArchive(long maxBytes, TimeProvider time)
{
    private readonly Dictionary<BlockHash, EvictionOrder<Block>.Place> _blocks = [];
    private readonly EvictionOrder<Block> _order = new(time);

    /// <summary>Bytes held, buffers counted whole.</summary>
    public long Bytes { get; private set; }

    public bool Contains(BlockHash hash) => _blocks.ContainsKey(hash);

    /// <summary>A block's state, used now, good until the next is added; null when it is not here.</summary>
    public KvBuffer? Find(BlockHash hash)
    {
        if (!_blocks.TryGetValue(hash, out var place)) return null;
        _order.Touch(place);
        return place.Item.State;
    }

    /// <summary>
    /// Keeps a block, whose buffer is the archive's from now on, and returns those that it displaced; itself among them
    /// when it is too large.
    /// </summary>
    /// <param name="hash">The block.</param>
    /// <param name="parent">The block before it; null where it is the first.</param>
    /// <param name="first">The block that the path to it begins with.</param>
    /// <param name="state">Its state.</param>
    /// <param name="isVouchedFor">As <see cref="CachedBlock.IsVouchedFor"/>.</param>
    public IReadOnlyList<BlockHash> Add(
        BlockHash hash, BlockHash? parent, BlockHash first, KvBuffer state, bool isVouchedFor)
    {
        _blocks[hash] = _order.Add(new(hash, parent, first, state) { IsVouchedFor = isVouchedFor });
        Bytes += state.Capacity;
        if (Bytes <= maxBytes) return [];
        List<BlockHash> dropped = [];
        while (Bytes > maxBytes)
        {
            var block = _order.First(static _ => true)!;
            Drop(block);
            dropped.Add(block.Hash);
        }

        return dropped;
    }

    /// <summary>
    /// Drops the blocks that are forgotten, those that build on one, and those of the same beginning of which nobody
    /// knows any more what they build on.
    /// </summary>
    /// <param name="first">The block with which the paths of all that is forgotten begin.</param>
    /// <param name="forgotten">What is forgotten; what is dropped here is added to it.</param>
    /// <param name="isPooled">Whether a block is in the pool, forgotten or not.</param>
    public void Forget(BlockHash first, HashSet<BlockHash> forgotten, Func<BlockHash, bool> isPooled)
    {
        var blocks = _blocks.Values.Select(place => place.Item).Where(block => block.First == first).ToList();
        int dropped;
        do
        {
            dropped = blocks.RemoveAll(block =>
            {
                if (!forgotten.Contains(block.Hash) && !StandsOnNothing(block.Parent)) return false;
                forgotten.Add(block.Hash);
                Drop(block);
                return true;
            });
        }
        while (dropped > 0); // each may be what another builds on

        bool StandsOnNothing(BlockHash? parent) =>
            parent is { } hash && (forgotten.Contains(hash) || !(isPooled(hash) || _blocks.ContainsKey(hash)));
    }

    /// <summary>Whether a block is here that somebody has come to numbers on.</summary>
    public bool IsVouchedFor(BlockHash hash) => _blocks.TryGetValue(hash, out var place) && place.Item.IsVouchedFor;

    /// <summary>Somebody has come to numbers on what was restored from here.</summary>
    public void Vouch(BlockHash hash) => _blocks[hash].Item.IsVouchedFor = true;

    /// <summary>Takes back what was vouched for on the paths that begin with a block.</summary>
    public void Doubt(BlockHash first)
    {
        foreach (var place in _blocks.Values)
            if (place.Item.First == first)
                place.Item.IsVouchedFor = false;
    }

    /// <summary>Claims a block that is here, while at most half of the bytes are claimed.</summary>
    public void Claim(BlockHash hash, in RetainClaim claim)
    {
        if (_blocks.TryGetValue(hash, out var place)
            && (place.Priority > 0 || (_order.Claimed + 1) * (long)place.Item.State.Capacity <= maxBytes / 2))
            _order.Claim(place, claim);
    }

    private void Drop(Block block)
    {
        _order.Remove(_blocks[block.Hash]);
        _blocks.Remove(block.Hash);
        Bytes -= block.State.Capacity;
        block.State.Return();
    }

    private sealed class Block(BlockHash hash, BlockHash? parent, BlockHash first, KvBuffer state)
    {
        public BlockHash Hash => hash;

        public BlockHash? Parent => parent;

        public BlockHash First => first;

        public KvBuffer State => state;

        public bool IsVouchedFor { get; set; }
    }
}
