using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>What a listener knows of, and what it heard to be gone.</summary>
internal sealed record BlockRecorder(List<BlockHash> Gone) : IPrefixCacheObserver
{
    public HashSet<BlockHash> Known { get; } = [];

    public void Stored(in StoredBlock block) => Assert.True(Known.Add(block.Hash));

    public void Removed(BlockHash hash)
    {
        Assert.True(Known.Remove(hash));
        Gone.Add(hash);
    }

    public void Cleared()
    {
    }

    public void Flush()
    {
    }
}
