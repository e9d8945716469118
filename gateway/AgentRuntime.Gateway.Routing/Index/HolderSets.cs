using System.Numerics;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Bit sets over index slots for the blocks that more engines hold than fit into a table entry. Sets are numbered and
/// recycled. Owned by one <see cref="KvIndex"/>, not thread-safe.
/// </summary>
internal sealed class HolderSets
{
    private const int SetsPerChunk = 512;
    private readonly List<ulong[]> _chunks = [];
    private readonly Stack<int> _free = new();
    private int _next;

    /// <summary>64-bit words of a set.</summary>
    public int Words { get; private set; } = 1;

    /// <summary>Sets in use.</summary>
    public int Count => _next - _free.Count;

    /// <summary>Bytes held, whether in use or not.</summary>
    public long MemoryBytes =>
        ((long)_chunks.Count * SetsPerChunk * Words * sizeof(ulong)) + (_free.Count * sizeof(int));

    /// <summary>An empty set's number.</summary>
    public int Allocate()
    {
        if (!_free.TryPop(out var set))
        {
            set = _next++;
            if (set / SetsPerChunk == _chunks.Count)
                _chunks.Add(new ulong[SetsPerChunk * Words]);
        }

        Bits(set).Clear();
        return set;
    }

    /// <summary>Gives a set back.</summary>
    public void Free(int set) => _free.Push(set);

    /// <summary>The words of a set.</summary>
    public Span<ulong> Bits(int set) =>
        _chunks[set / SetsPerChunk].AsSpan(set % SetsPerChunk * Words, Words);

    /// <summary>Whether the set has the slot.</summary>
    public bool Contains(int set, int slot) => (Bits(set)[slot >> 6] >> (slot & 63) & 1) != 0;

    /// <summary>How many slots the set has.</summary>
    public int PopCount(int set)
    {
        var count = 0;
        foreach (var word in Bits(set))
            count += BitOperations.PopCount(word);
        return count;
    }

    /// <summary>Makes every set wider; rare (the pool outgrew its slots), and linear in the sets in use.</summary>
    public void Widen(int words)
    {
        for (var c = 0; c < _chunks.Count; c++)
        {
            var wide = new ulong[SetsPerChunk * words];
            for (var s = 0; s < SetsPerChunk; s++)
                _chunks[c].AsSpan(s * Words, Words).CopyTo(wide.AsSpan(s * words));
            _chunks[c] = wide;
        }

        Words = words;
    }
}
