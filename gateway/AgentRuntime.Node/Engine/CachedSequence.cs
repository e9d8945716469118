namespace AgentRuntime.Node.Engine;

/// <summary>A sequence id's place in the prefix cache. Changed by <see cref="PrefixCache"/> only.</summary>
internal sealed class CachedSequence(int id)
{
    /// <summary>llama.cpp's sequence id.</summary>
    public int Id { get; } = id;

    /// <summary>Whether a request computes on it now.</summary>
    public bool Running { get; set; }

    /// <summary>The last block that the running request shares or has committed; null before the first.</summary>
    public CachedBlock? Tip { get; set; }

    /// <summary>Blocks that this sequence keeps alive, shallow to deep.</summary>
    public Stack<CachedBlock> Owned { get; } = new();
}

/// <summary>A block that can be reused. Its owner holds its cells and those of every block before it.</summary>
internal sealed class CachedBlock(BlockHash hash, CachedBlock? parent, CachedSequence owner, int end)
{
    public BlockHash Hash { get; } = hash;

    public CachedBlock? Parent { get; } = parent;

    /// <summary>The block that the path to this one begins with; itself where it is the first.</summary>
    public BlockHash First { get; } = parent?.First ?? hash;

    public CachedSequence Owner { get; } = owner;

    /// <summary>The position after the block's last token.</summary>
    public int End { get; } = end;

    public int Children { get; set; }

    /// <summary>Running sequences that stand on it.</summary>
    public int Users { get; set; }

    /// <summary>Running sequences whose tip this is.</summary>
    public int Pins { get; set; }

    /// <summary>Whether numbers came out for whoever stood on it last; false while nobody has.</summary>
    public bool IsVouchedFor { get; set; }

    /// <summary>Whether its cells were filled from the archive.</summary>
    public bool IsRestored { get; init; }

    public EvictionOrder<CachedBlock>.Place? Place { get; set; }
}
