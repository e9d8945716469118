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
    /// <param name="first">The block that the path to it begins with.</param>
    /// <param name="state">Its state.</param>
    public IReadOnlyList<BlockHash> Add(BlockHash hash, BlockHash first, KvBuffer state)
    {
        _blocks[hash] = _order.Add(new(hash, first, state));
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

    /// <summary>Drops every block whose path begins with this one and returns them.</summary>
    public IReadOnlyList<BlockHash> Forget(BlockHash first)
    {
        var blocks = _blocks.Values.Select(place => place.Item).Where(block => block.First == first).ToArray();
        foreach (var block in blocks) Drop(block);
        return [.. blocks.Select(block => block.Hash)];
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

    private sealed record Block(BlockHash Hash, BlockHash First, KvBuffer State);
}
