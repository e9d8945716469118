namespace AgentRuntime.Gateway.Routing;

/// <content>Finding how much of a prompt each engine holds.</content>
public sealed partial class KvIndex
{
    private const int Batch = 16;
    private readonly ulong[] _found = new ulong[Batch];
    private readonly int[] _few = new int[IndexEntry.InlineSlots];
    private ulong[] _active = [];

    /// <summary>
    /// The leading blocks of a prompt that each engine holds. Looks blocks up in batches before it reads any holder,
    /// so that their cache misses overlap, and stops with the batch in which the last engine drops out.
    /// </summary>
    public void Match(ReadOnlySpan<BlockKey> keys, PrefixMatches into)
    {
        ArgumentNullException.ThrowIfNull(into);
        into.Reset(_sources.Count);
        if (_active.Length != _sets.Words)
            _active = new ulong[_sets.Words];
        var few = -1;
        for (var start = 0; start < keys.Length; start += Batch)
        {
            var batch = keys.Slice(start, Math.Min(Batch, keys.Length - start));
            for (var i = 0; i < batch.Length; i++)
                _found[i] = Touch(batch[i].Value);
            for (var i = 0; i < batch.Length; i++)
                _found[i] = Lookup(batch[i].Value);
            for (var i = 0; i < batch.Length; i++)
            {
                var block = start + i;
                few = block == 0 ? First(_found[0])
                    : few >= 0 ? KeepFew(_found[i], few, block, into)
                    : KeepMany(_found[i], block, into);
                if (few == 0)
                    return;
            }
        }

        if (few >= 0)
        {
            for (var i = 0; i < few; i++)
                into.Record(_slots.EngineOf(_few[i]), keys.Length);
        }
        else if (keys.Length > 0)
        {
            RecordAll(_active, keys.Length, into);
        }
    }

    private ulong Touch(ulong key)
    {
        var hash = Spread(key);
        return _segments[hash >> _segmentShift].Touch(hash);
    }

    private ulong Lookup(ulong key)
    {
        var hash = Spread(key);
        ref var segment = ref _segments[hash >> _segmentShift];
        if (segment.IsEmpty)
            return 0;
        var position = segment.Find(key, hash);
        return position < 0 ? 0 : segment.At(position).Holders;
    }

    private static int KindOf(ulong holders) => (byte)(holders >> 48);

    /// <summary>Candidates after block 0: their number when they are listed, -1 when they are a bit set.</summary>
    private int First(ulong holders)
    {
        var kind = KindOf(holders);
        if (kind == IndexEntry.Overflow)
        {
            var any = 0UL;
            var bits = _sets.Bits((int)holders);
            for (var w = 0; w < bits.Length; w++)
                any |= _active[w] = bits[w] & _slots.Live[w];
            return any == 0 ? 0 : -1;
        }

        var few = 0;
        for (var i = 0; i < kind; i++)
        {
            var slot = IndexEntry.InlineSlot(holders, i);
            if (_slots.EngineOf(slot) >= 0)
                _few[few++] = slot;
        }

        return few;
    }

    private int KeepFew(ulong holders, int few, int block, PrefixMatches into)
    {
        var kept = 0;
        for (var i = 0; i < few; i++)
        {
            var slot = _few[i];
            if (Holds(holders, slot))
                _few[kept++] = slot;
            else
                into.Record(_slots.EngineOf(slot), block);
        }

        return kept;
    }

    private bool Holds(ulong holders, int slot)
    {
        var kind = KindOf(holders);
        if (kind == IndexEntry.Overflow)
            return _sets.Contains((int)holders, slot);
        for (var i = 0; i < kind; i++)
        {
            if (IndexEntry.InlineSlot(holders, i) == slot)
                return true;
        }

        return false;
    }

    private int KeepMany(ulong holders, int block, PrefixMatches into)
    {
        var kind = KindOf(holders);
        if (kind == IndexEntry.Overflow)
        {
            var any = 0UL;
            var bits = _sets.Bits((int)holders);
            for (var w = 0; w < bits.Length; w++)
            {
                var dropped = _active[w] & ~bits[w];
                any |= _active[w] &= bits[w];
                into.Record(_slots.EnginesOf(w), dropped, block);
            }

            return any == 0 ? 0 : -1;
        }

        var few = 0;
        for (var i = 0; i < kind; i++)
        {
            var slot = IndexEntry.InlineSlot(holders, i);
            ref var word = ref _active[slot >> 6];
            var bit = 1UL << (slot & 63);
            if ((word & bit) == 0)
                continue;
            word &= ~bit;
            _few[few++] = slot;
        }

        RecordAll(_active, block, into);
        return few;
    }

    private void RecordAll(ulong[] slots, int blocks, PrefixMatches into)
    {
        for (var w = 0; w < slots.Length; w++)
            into.Record(_slots.EnginesOf(w), slots[w], blocks);
    }
}
