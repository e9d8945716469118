namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Which engine stands behind each slot of the index. Forgetting an engine retires its slot: entries that name a
/// retired slot count for nothing from that moment, and a slot is given out again only after a sweep has removed its
/// last trace. Owned by one <see cref="KvIndex"/>, not thread-safe.
/// </summary>
internal sealed class HolderSlots
{
    /// <summary>Slots have 16 bits.</summary>
    public const int MaxSlots = 1 << 16;

    private readonly Queue<int> _free = new();
    private readonly List<int> _retired = [];
    private readonly List<int> _sweeping = [];
    private int[] _engines = [];
    private int[] _blocks = [];

    /// <summary>Slots that exist, a multiple of 64.</summary>
    public int Capacity => _engines.Length;

    /// <summary>One bit for each slot that counts.</summary>
    public ulong[] Live { get; private set; } = [];

    /// <summary>Whether entries may still name retired slots.</summary>
    public bool NeedsSweep => _retired.Count + _sweeping.Count > 0;

    /// <summary>The engine behind a slot; -1 when it is retired or free.</summary>
    public int EngineOf(int slot) => _engines[slot];

    /// <summary>The engines behind the 64 slots of a word of a set.</summary>
    public ReadOnlySpan<int> EnginesOf(int word) => _engines.AsSpan(word * 64, 64);

    /// <summary>Blocks that name the slot.</summary>
    public ref int BlocksOf(int slot) => ref _blocks[slot];

    /// <summary>Adds 64 slots, or doubles them.</summary>
    public void Grow()
    {
        var old = Capacity;
        var capacity = Math.Max(64, old * 2);
        if (capacity > MaxSlots)
            throw new InvalidOperationException("an index has at most 65,536 holder slots");

        Array.Resize(ref _engines, capacity);
        Array.Resize(ref _blocks, capacity);
        var live = Live;
        Array.Resize(ref live, capacity / 64);
        Live = live;
        for (var slot = old; slot < capacity; slot++)
        {
            _engines[slot] = -1;
            _free.Enqueue(slot);
        }
    }

    /// <summary>A clean slot for an engine; false when there is none.</summary>
    public bool TryTake(int engine, out int slot)
    {
        if (!_free.TryDequeue(out slot))
            return false;
        _engines[slot] = engine;
        _blocks[slot] = 0;
        Live[slot >> 6] |= 1UL << (slot & 63);
        return true;
    }

    /// <summary>Makes a slot count for nothing.</summary>
    public void Retire(int slot)
    {
        _engines[slot] = -1;
        Live[slot >> 6] &= ~(1UL << (slot & 63));
        _retired.Add(slot);
    }

    /// <summary>A sweep over all entries begins: it will clean what is retired by now.</summary>
    public void SweepBegins()
    {
        _sweeping.AddRange(_retired);
        _retired.Clear();
    }

    /// <summary>The sweep has passed every entry.</summary>
    public void SweepEnded()
    {
        foreach (var slot in _sweeping)
            _free.Enqueue(slot);
        _sweeping.Clear();
    }
}
