namespace AgentRuntime.Node.Engine;

/// <content>Which blocks may be why no numbers came out of a pass, and how those go.</content>
internal sealed partial class PrefixCache
{
    /// <summary>Blocks whose keys and values are looked through as one.</summary>
    private const int LookedThroughAtOnce = 16;

    /// <summary>
    /// Numbers came out of a pass for what stands on these blocks: they are not why none would. To be said before the
    /// pass's own blocks are committed, which may swap cells that it read for others that it did not.
    /// </summary>
    public static void Vouch(CachedSequence sequence)
    {
        // Whatever a block that is vouched for builds on is vouched for.
        for (var block = sequence.Tip; block is { IsVouchedFor: false }; block = block.Parent)
            block.IsVouchedFor = true;
    }

    /// <summary>Whether a sequence stands on a block.</summary>
    public static bool StandsOn(CachedSequence sequence, CachedBlock block)
    {
        var at = sequence.Tip;
        while (at is not null && at.End > block.End) at = at.Parent;
        return at == block;
    }

    /// <summary>
    /// The first block of a running sequence's path that may be why no numbers came out for it; null when it is none of
    /// them. It is the first that nobody has vouched for, or one before with what is no number in its cells.
    /// </summary>
    public CachedBlock? Suspect(CachedSequence sequence)
    {
        List<CachedBlock> path = [];
        for (var block = sequence.Tip; block is not null; block = block.Parent) path.Add(block);
        path.Reverse();
        var unvouched = path.FindIndex(static block => !block.IsVouchedFor);
        var vouched = unvouched < 0 ? path.Count : unvouched;
        for (var i = 0; i < vouched; i += LookedThroughAtOnce)
        {
            var next = Math.Min(i + LookedThroughAtOnce, vouched);
            if (!_cells.HoldNumbers(sequence.Id, i * BlockTokens, next * BlockTokens)) return path[i];
        }

        return unvouched < 0 ? null : path[unvouched];
    }

    /// <summary>
    /// Takes back whatever was vouched for on the paths that begin with a block. Cells may hold numbers of which none
    /// can be made: when nobody gets any further on what is left, it is suspect as a whole.
    /// </summary>
    public void Doubt(BlockHash first)
    {
        foreach (var block in _blocks.Values)
            if (block.First == first)
                block.IsVouchedFor = false;
        _archive?.Doubt(first);
    }

    /// <summary>
    /// Forgets a block and all that was computed on it, in the pool and in the archive, claimed or not.
    /// </summary>
    /// <exception cref="InvalidOperationException">A running sequence stands on one.</exception>
    public void Forget(CachedBlock suspect)
    {
        var below = new HashSet<BlockHash> { suspect.Hash };
        var pooled = new Stack<CachedBlock>();
        foreach (var block in _blocks.Values.Where(b => b.First == suspect.First).OrderBy(b => b.End))
        {
            if (block != suspect && !(block.Parent is { } parent && below.Contains(parent.Hash))) continue;
            if (block.Users > 0) throw new InvalidOperationException("a running sequence stands on the block");
            below.Add(block.Hash);
            pooled.Push(block);
        }

        _archive?.Forget(suspect.First, below, _blocks.ContainsKey);
        // The deepest first: each is then a leaf when its turn comes.
        foreach (var block in pooled)
        {
            Detach(block);
            FreeCells(block);
        }

        foreach (var hash in below) _observer?.Removed(hash);
    }
}
