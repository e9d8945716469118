using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// A tree of KV blocks over one pool of cells, reused by sharing cells instead of computing them, with the least
/// recently used leaf evicted first. Owned by the engine's thread.
/// <para>
/// llama.cpp knows cells by sequence id only, so each block has an owner: the sequence that computed it. A finished
/// sequence stays as the holder of its blocks until the last is evicted. A block that two requests compute at once
/// is kept once: the later one swaps its copy for the first. Hence cells in use = blocks × size + private tails.
/// </para>
/// </summary>
internal sealed class PrefixCache
{
    private readonly IKvCells _cells;
    private readonly IPrefixCacheObserver? _observer;
    private readonly BlockArchive? _archive;
    private readonly Dictionary<BlockHash, CachedBlock> _blocks = [];
    private readonly LinkedList<CachedBlock> _recency = new();
    private readonly Stack<int> _freeIds;

    public PrefixCache(
        IKvCells cells, int blockTokens, int sequenceIds, IPrefixCacheObserver? observer = null,
        BlockArchive? archive = null)
    {
        _cells = cells;
        _observer = observer;
        _archive = archive;
        BlockTokens = blockTokens;
        _freeIds = new(Enumerable.Range(0, sequenceIds).Reverse());
    }

    /// <summary>Tokens in a block.</summary>
    public int BlockTokens { get; }

    /// <summary>Blocks that can be reused.</summary>
    public int Blocks => _blocks.Count;

    /// <summary>Cells that the tree holds.</summary>
    public int Cells => _blocks.Count * BlockTokens;

    /// <summary>Cells of blocks that no running sequence stands on.</summary>
    public int IdleCells { get; private set; }

    /// <summary>How many leading blocks of a prompt are here.</summary>
    public int Match(ReadOnlySpan<BlockHash> hashes)
    {
        var count = 0;
        while (count < hashes.Length && _blocks.ContainsKey(hashes[count])) count++;
        return count;
    }

    /// <summary>
    /// Starts a sequence on the first <paramref name="matched"/> blocks; null when every id is in use.
    /// </summary>
    public CachedSequence? Start(ReadOnlySpan<BlockHash> hashes, int matched)
    {
        // Pinned before making room, or making room could evict the very blocks that were matched.
        var tip = matched == 0 ? null : _blocks[hashes[matched - 1]];
        if (tip is not null) tip.Pins++;
        while (_freeIds.Count == 0)
        {
            if (EvictOne()) continue;
            if (tip is not null) tip.Pins--;
            return null;
        }

        var sequence = new CachedSequence(_freeIds.Pop()) { Running = true, Tip = tip };
        if (tip is null) return sequence;
        _cells.Share(tip.Owner.Id, sequence.Id, 0, tip.End);
        for (var block = tip; block is not null; block = block.Parent) Use(block);
        Touch(tip);
        return sequence;
    }

    /// <summary>Whether a block is in the archive only.</summary>
    public bool IsArchived(BlockHash hash) => !_blocks.ContainsKey(hash) && _archive?.Contains(hash) == true;

    /// <summary>
    /// The state of a block that is in the archive only; null when it is not. Good until the next eviction.
    /// </summary>
    public KvBuffer? FindArchived(BlockHash hash) => _blocks.ContainsKey(hash) ? null : _archive?.Find(hash);

    /// <summary>The sequence has computed its next whole block. Returns whether the block is new here.</summary>
    public bool Commit(CachedSequence sequence, BlockHash hash, ReadOnlySpan<int> tokens, string? salt, string? adapter)
    {
        var parent = sequence.Tip;
        var start = parent?.End ?? 0;
        var isNew = !_blocks.TryGetValue(hash, out var block);
        if (isNew)
        {
            block = new(hash, parent, sequence, start + BlockTokens);
            if (parent is not null) parent.Children++;
            block.Recency = _recency.AddLast(block);
            sequence.Owned.Push(block);
            _blocks.Add(hash, block);
            IdleCells += BlockTokens;
            if (_archive?.Contains(hash) != true)
                _observer?.Stored(new(hash, parent?.Hash, tokens.ToArray(), salt, adapter));
        }
        else
        {
            _cells.Remove(sequence.Id, start, block!.End);
            _cells.Share(block.Owner.Id, sequence.Id, start, block.End);
        }

        block!.Pins++;
        Use(block);
        if (parent is not null) parent.Pins--;
        sequence.Tip = block;
        return isNew;
    }

    /// <summary>The request is over: its blocks stay for others, its private tail goes.</summary>
    public void Finish(CachedSequence sequence)
    {
        if (!sequence.Running) return;
        sequence.Running = false;
        if (sequence.Tip is { } tip)
        {
            tip.Pins--;
            for (var block = tip; block is not null; block = block.Parent)
                if (--block.Users == 0)
                    IdleCells += BlockTokens;
            Touch(tip);
        }

        sequence.Tip = null;
        Trim(sequence);
    }

    /// <summary>Frees the least recently used block that nothing builds on; false when there is none.</summary>
    public bool EvictOne()
    {
        for (var node = _recency.First; node is not null; node = node.Next)
        {
            var block = node.Value;
            if (block.Children > 0 || block.Pins > 0) continue;
            _recency.Remove(node);
            _blocks.Remove(block.Hash);
            if (block.Parent is { } parent) parent.Children--;
            IdleCells -= BlockTokens;
            Archive(block);
            // A leaf is its owner's deepest block: had the owner gone deeper, the block would have a child.
            block.Owner.Owned.Pop();
            Trim(block.Owner);
            return true;
        }

        return false;
    }

    private void Use(CachedBlock block)
    {
        if (block.Users++ == 0) IdleCells -= BlockTokens;
    }

    private void Archive(CachedBlock block)
    {
        if (_archive is null)
        {
            _observer?.Removed(block.Hash);
            return;
        }

        if (_archive.Contains(block.Hash)) return;
        var state = _cells.Export(block.Owner.Id, block.End - BlockTokens, block.End, KvBuffer.Rent);
        foreach (var dropped in _archive.Add(block.Hash, state))
            if (!_blocks.ContainsKey(dropped))
                _observer?.Removed(dropped);
    }

    /// <summary>
    /// Cuts a finished sequence to the blocks that it owns, so that cells it merely shares are not held.
    /// </summary>
    private void Trim(CachedSequence sequence)
    {
        if (sequence.Owned.TryPeek(out var last))
        {
            _cells.Truncate(sequence.Id, last.End);
            return;
        }

        _cells.Truncate(sequence.Id, 0);
        _freeIds.Push(sequence.Id);
    }

    /// <summary>Marks a path as used, its root last, so that a leaf is always older than what it builds on.</summary>
    private void Touch(CachedBlock tip)
    {
        for (var block = tip; block is not null; block = block.Parent)
        {
            _recency.Remove(block.Recency!);
            _recency.AddLast(block.Recency!);
        }
    }
}
