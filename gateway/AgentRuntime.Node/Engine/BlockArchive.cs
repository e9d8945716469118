using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// KV blocks that left the pool of cells, as bytes in the process's memory, the least recently used dropped first.
/// Putting one back is a copy; computing it again is a pass of the model. Owned by the engine's thread.
/// </summary>
internal sealed class BlockArchive(long maxBytes)
{
    private readonly Dictionary<BlockHash, LinkedListNode<(BlockHash Hash, KvBuffer State)>> _blocks = [];
    private readonly LinkedList<(BlockHash Hash, KvBuffer State)> _recency = new();

    /// <summary>Bytes held, buffers counted whole.</summary>
    public long Bytes { get; private set; }

    public bool Contains(BlockHash hash) => _blocks.ContainsKey(hash);

    /// <summary>A block's state, used now, good until the next is added; null when it is not here.</summary>
    public KvBuffer? Find(BlockHash hash)
    {
        if (!_blocks.TryGetValue(hash, out var node)) return null;
        _recency.Remove(node);
        _recency.AddLast(node);
        return node.Value.State;
    }

    /// <summary>
    /// Keeps a block, whose buffer is the archive's from now on, and returns those that it displaced; itself among them
    /// when it is too large.
    /// </summary>
    public IReadOnlyList<BlockHash> Add(BlockHash hash, KvBuffer state)
    {
        _blocks[hash] = _recency.AddLast((hash, state));
        Bytes += state.Capacity;
        if (Bytes <= maxBytes) return [];
        List<BlockHash> dropped = [];
        while (Bytes > maxBytes)
        {
            var (oldest, bytes) = _recency.First!.Value;
            _recency.RemoveFirst();
            _blocks.Remove(oldest);
            Bytes -= bytes.Capacity;
            bytes.Return();
            dropped.Add(oldest);
        }

        return dropped;
    }
}
