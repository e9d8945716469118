using System.Numerics;
using System.Runtime.CompilerServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Which engine holds which KV block: soft state of one model, rebuilt from events, dispatches and responses. Trust
/// groups are apart because their keys are (the salt is in block 0 and inherited). A block with up to three holders
/// takes 16 bytes of table, about 27 with the free room; more holders add one bit for each slot.
/// Single writer: calls must not overlap. Reads and writes allocate nothing once the table has grown.
/// </summary>
public sealed partial class KvIndex
{
    private const int BlocksPerSegment = 2048;
    private readonly KvIndexOptions _options;
    private readonly IndexSegment[] _segments;
    private readonly int _segmentShift;
    private readonly int _segmentLimit;
    private readonly HolderSlots _slots = new();
    private readonly HolderSets _sets = new();
    private readonly SpeculativeHoldings _speculative;
    private readonly List<Source?> _sources = [];
    private int _sweepNext;
    private int _storesToSweep;
    private int _hand;

    /// <summary>An empty index.</summary>
    public KvIndex(KvIndexOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBlocks, 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxSpeculative, 1024);
        _options = options;
        var bits = BitOperations.Log2((uint)Math.Max(2, options.MaxBlocks / BlocksPerSegment));
        _segments = new IndexSegment[1 << bits];
        _segmentShift = 64 - bits;
        _segmentLimit = (options.MaxBlocks / _segments.Length) + (options.MaxBlocks / _segments.Length / 8);
        _speculative = new(options.MaxSpeculative);
    }

    /// <summary>
    /// Distinct blocks that some entry names, those of forgotten engines included until they are swept.
    /// </summary>
    public long BlockCount { get; private set; }

    /// <summary>Blocks dropped because the index was full.</summary>
    public long Evictions { get; private set; }

    /// <summary>Holdings that wait for an engine's word.</summary>
    public int SpeculativeCount => _speculative.Count;

    /// <summary>Bytes that the index holds, free room included.</summary>
    public long MemoryBytes
    {
        get
        {
            long bytes = (_segments.Length * (long)Unsafe.SizeOf<IndexSegment>()) + _sets.MemoryBytes
                + _speculative.MemoryBytes + (_slots.Capacity * 2 * sizeof(int));
            foreach (ref readonly var segment in _segments.AsSpan())
                bytes += (long)segment.Capacity * Unsafe.SizeOf<IndexEntry>();
            return bytes;
        }
    }

    /// <summary>Blocks that the index believes the engine to hold.</summary>
    public int HeldBy(int engine) =>
        SourceOf(engine) is { } source
            ? _slots.BlocksOf(source.Slot) + (source.Elder >= 0 ? _slots.BlocksOf(source.Elder) : 0)
            : 0;

    /// <summary>An engine begins, empty. Its number is the caller's: small, not in use.</summary>
    public void Add(int engine)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(engine);
        while (_sources.Count <= engine)
            _sources.Add(null);
        if (_sources[engine] is not null)
            throw new ArgumentException($"engine {engine} is already part of the index", nameof(engine));
        _sources[engine] = new() { Slot = TakeSlot(engine) };
    }

    /// <summary>The engine is gone; nothing is credited to it from now on. Constant time.</summary>
    public void Remove(int engine)
    {
        if (SourceOf(engine) is not { } source)
            return;
        RetireSlots(source);
        _sources[engine] = null;
    }

    /// <summary>The engine lost its cache (restart, all blocks cleared). Constant time.</summary>
    public void Forget(int engine)
    {
        if (SourceOf(engine) is not { } source)
            return;
        RetireSlots(source);
        source.Slot = TakeSlot(engine);
    }

    /// <summary>
    /// Events were lost that cannot be replayed: what is known of the engine so far is believed for
    /// <see cref="KvIndexOptions.UnconfirmedSeconds"/> more, unless it is confirmed anew.
    /// </summary>
    public void Doubt(int engine, double now)
    {
        if (SourceOf(engine) is not { } source)
            return;
        if (source.Elder >= 0)
            _slots.Retire(source.Elder);
        source.Elder = source.Slot;
        source.ElderEnds = now + _options.UnconfirmedSeconds;
        source.Slot = TakeSlot(engine);
    }

    /// <summary>The engine holds the block, by its own word.</summary>
    public void Store(int engine, BlockKey key)
    {
        if (SourceOf(engine) is not { } source || key.Value == 0)
            return;
        AddHolding(key.Value, source.Slot);
        _speculative.Settle(key.Value, source.Slot);
    }

    /// <summary>The engine no longer holds the block, by its own word.</summary>
    public void Evict(int engine, BlockKey key)
    {
        if (SourceOf(engine) is not { } source || key.Value == 0)
            return;
        DropHolding(key.Value, source.Slot);
        _speculative.Settle(key.Value, source.Slot);
        if (source.Elder >= 0)
            DropHolding(key.Value, source.Elder);
    }

    /// <summary>The engine was sent a prompt: it will soon hold these blocks.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="keys">The prompt's blocks.</param>
    /// <param name="now">Seconds on the caller's monotonic clock.</param>
    /// <param name="workSeconds">How long the engine will take to read it: comes on top of the lifetime.</param>
    public void Speculate(int engine, ReadOnlySpan<BlockKey> keys, double now, double workSeconds = 0)
    {
        var expires = now + _options.SpeculativeSeconds + workSeconds;
        if (SourceOf(engine) is not { } source)
            return;
        foreach (var key in keys)
        {
            if (key.Value == 0)
                continue;
            if (!AddHolding(key.Value, source.Slot) && !_speculative.Contains(key.Value, source.Slot))
                continue;
            if (_speculative.IsFull && _speculative.TryExpire(now, force: true, out var oldest))
                DropHolding(oldest.Key, oldest.Slot);
            _speculative.Put(key.Value, source.Slot, expires);
        }
    }

    /// <summary>The engine never worked on the prompt: what was only supposed is taken back.</summary>
    public void Retract(int engine, ReadOnlySpan<BlockKey> keys)
    {
        if (SourceOf(engine) is not { } source)
            return;
        foreach (var key in keys)
        {
            if (_speculative.Settle(key.Value, source.Slot))
                DropHolding(key.Value, source.Slot);
        }
    }

    /// <summary>Expires speculative holdings and doubted sources, and cleans a little.</summary>
    /// <param name="now">Seconds on the caller's monotonic clock.</param>
    public void Advance(double now)
    {
        while (_speculative.TryExpire(now, force: false, out var expired))
            DropHolding(expired.Key, expired.Slot);
        foreach (var source in _sources)
        {
            if (source is null)
                continue;
            if (source.Elder >= 0 && source.ElderEnds <= now)
            {
                _slots.Retire(source.Elder);
                source.Elder = -1;
            }
        }

        Sweep(segments: 1);
    }

    internal static ulong Spread(ulong key) => key * 0x9E3779B97F4A7C15;

    private Source? SourceOf(int engine) => (uint)engine < (uint)_sources.Count ? _sources[engine] : null;

    private int TakeSlot(int engine)
    {
        int slot;
        while (!_slots.TryTake(engine, out slot))
        {
            if (_slots.NeedsSweep && _slots.Capacity > _sources.Count * 2)
            {
                Sweep(segments: _segments.Length * 2);
                continue;
            }

            _slots.Grow();
            if (_slots.Capacity / 64 > _sets.Words)
                _sets.Widen(_slots.Capacity / 64);
        }

        return slot;
    }

    private void RetireSlots(Source source)
    {
        _slots.Retire(source.Slot);
        if (source.Elder >= 0)
            _slots.Retire(source.Elder);
        source.Elder = -1;
    }

    /// <summary>An engine's place in the index: the slot that is written, and one whose word is in doubt.</summary>
    private sealed class Source
    {
        public int Slot { get; set; }

        public int Elder { get; set; } = -1;

        public double ElderEnds { get; set; }
    }
}
