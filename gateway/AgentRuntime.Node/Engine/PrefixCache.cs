using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// A tree of KV blocks over one pool of cells, reused by sharing cells instead of computing them, with the least
/// recently used leaf evicted first, those that a request asked to keep after all others. Owned by the engine's thread.
/// <para>
/// llama.cpp knows cells by sequence id only, so each block has an owner: the sequence that computed it. A finished
/// sequence stays as the holder of its blocks until the last is evicted. A block that two requests compute at once
/// is kept once: the later one swaps its copy for the first. Hence cells in use = blocks × size + private tails.
/// </para>
/// </summary>
internal sealed partial class PrefixCache
{
    private readonly IKvCells _cells;
    private readonly IPrefixCacheObserver? _observer;
    private readonly BlockArchive? _archive;
    private readonly Dictionary<BlockHash, CachedBlock> _blocks = [];
    private readonly EvictionOrder<CachedBlock> _order;
    private readonly TimeProvider _time;
    private readonly int _mostClaimed;
    private readonly Stack<int> _freeIds;

    /// <param name="cells">The pool's cells.</param>
    /// <param name="blockTokens">Tokens in a block.</param>
    /// <param name="sequenceIds">Sequences that the pool tells apart.</param>
    /// <param name="time">The clock of claims.</param>
    /// <param name="mostClaimed">Blocks that may be claimed at once; further claims are not taken.</param>
    /// <param name="observer">Hears of blocks; null for nobody.</param>
    /// <param name="archive">Where blocks go that leave the pool; null for nowhere.</param>
    public PrefixCache(
        IKvCells cells, int blockTokens, int sequenceIds, TimeProvider time, int mostClaimed,
        IPrefixCacheObserver? observer = null, BlockArchive? archive = null)
    {
        _order = new(time);
        _time = time;
        _mostClaimed = mostClaimed;
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

    /// <summary>
    /// The sequence has computed its next whole block, or restored it from the archive. Returns whether the block is
    /// new here.
    /// </summary>
    public bool Commit(
        CachedSequence sequence, BlockHash hash, ReadOnlySpan<int> tokens, string? salt, string? adapter,
        bool isRestored = false)
    {
        var parent = sequence.Tip;
        var start = parent?.End ?? 0;
        var isNew = !_blocks.TryGetValue(hash, out var block);
        if (isNew)
        {
            block = new(hash, parent, sequence, start + BlockTokens)
            {
                IsRestored = isRestored,
                IsVouchedFor = isRestored && parent is not { IsVouchedFor: false } && _archive!.IsVouchedFor(hash),
            };
            if (parent is not null) parent.Children++;
            block.Place = _order.Add(block);
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
    /// <param name="sequence">The request's sequence.</param>
    /// <param name="retain">What it asked to keep; empty for nothing.</param>
    /// <param name="promptTokens">Where its answer begins.</param>
    public void Finish(
        CachedSequence sequence, IReadOnlyList<RetainDirective>? retain = null, int promptTokens = 0)
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
            if (retain is { Count: > 0 }) Claim(tip, retain, promptTokens);
        }

        sequence.Tip = null;
        Trim(sequence);
    }

    /// <summary>
    /// Frees the block that nothing builds on, that fewest want and that was not used for longest; false when there is
    /// none.
    /// </summary>
    public bool EvictOne()
    {
        if (_order.First(static b => b.Children == 0 && b.Pins == 0) is not { } block) return false;
        Detach(block);
        Archive(block);
        FreeCells(block);
        return true;
    }

    /// <summary>Takes a leaf that nobody uses out of the tree.</summary>
    private void Detach(CachedBlock leaf)
    {
        _order.Remove(leaf.Place!);
        _blocks.Remove(leaf.Hash);
        if (leaf.Parent is { } parent) parent.Children--;
        IdleCells -= BlockTokens;
    }

    private void FreeCells(CachedBlock leaf)
    {
        // A leaf is its owner's deepest block: had the owner gone deeper, the block would have a child.
        leaf.Owner.Owned.Pop();
        Trim(leaf.Owner);
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

        if (!_archive.Contains(block.Hash))
        {
            var state = _cells.Export(block.Owner.Id, block.End - BlockTokens, block.End, KvBuffer.Rent);
            foreach (var dropped in _archive.Add(
                block.Hash, block.Parent?.Hash, block.First, state, block.IsVouchedFor))
                if (!_blocks.ContainsKey(dropped))
                    _observer?.Removed(dropped);
        }

        else if (block is { IsRestored: true, IsVouchedFor: true })
        {
            _archive.Vouch(block.Hash);
        }

        _archive.Claim(block.Hash, block.Place!.Claim);
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
        for (var block = tip; block is not null; block = block.Parent) _order.Touch(block.Place!);
    }

    /// <summary>
    /// Claims a path's blocks, all or none. What a block builds on is claimed at least as strongly and as long: alone
    /// it is of no use.
    /// </summary>
    private void Claim(CachedBlock tip, IReadOnlyList<RetainDirective> retain, int promptTokens)
    {
        RetainDirective? Wanted(CachedBlock block) =>
            RetainDirective.For(retain, block.End - BlockTokens, block.End, promptTokens);
        CachedBlock? deepest = tip;
        while (deepest is not null && Wanted(deepest) is null) deepest = deepest.Parent;
        var free = _mostClaimed - _order.Claimed;
        for (var block = deepest; block is not null; block = block.Parent)
            if (block.Place!.Priority == 0 && --free < 0)
                return;

        var claim = default(RetainClaim);
        for (var block = deepest; block is not null; block = block.Parent)
        {
            if (Wanted(block) is { } directive)
            {
                var asked = directive.ClaimFrom(_time);
                claim = new(Math.Max(claim.Priority, asked.Priority), Math.Max(claim.Until, asked.Until));
            }

            _order.Claim(block.Place!, claim);
        }
    }
}
