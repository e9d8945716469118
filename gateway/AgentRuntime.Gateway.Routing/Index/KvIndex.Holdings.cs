namespace AgentRuntime.Gateway.Routing;

/// <content>The table: adding, dropping, evicting and sweeping holdings.</content>
public sealed partial class KvIndex
{
    private const int StoresPerSweptSegment = 64;
    private const int EvictionCandidates = 16;

    /// <summary>Adds a slot to a block; false when it was there.</summary>
    private bool AddHolding(ulong key, int slot)
    {
        if (_slots.NeedsSweep && ++_storesToSweep >= StoresPerSweptSegment)
        {
            _storesToSweep = 0;
            Sweep(segments: 1);
        }

        var hash = Spread(key);
        ref var segment = ref _segments[hash >> _segmentShift];
        var position = segment.IsEmpty ? -1 : segment.Find(key, hash);
        if (position < 0)
        {
            if (segment.Count >= _segmentLimit)
                EvictOne(ref segment);
            position = segment.Insert(key, hash);
            BlockCount++;
        }

        ref var entry = ref segment.At(position);
        var added = AddSlot(ref entry, slot);
        if (added)
            _slots.BlocksOf(slot)++;
        return added;
    }

    private bool AddSlot(ref IndexEntry entry, int slot)
    {
        var holders = entry.Holders;
        var kind = entry.Kind;
        if (kind == IndexEntry.Overflow)
        {
            entry.Holders = holders | (1UL << 56);
            ref var word = ref _sets.Bits(entry.Set)[slot >> 6];
            var bit = 1UL << (slot & 63);
            var absent = (word & bit) == 0;
            word |= bit;
            return absent;
        }

        for (var i = 0; i < kind; i++)
        {
            if (IndexEntry.InlineSlot(holders, i) == slot)
            {
                entry.Holders = holders | (1UL << 56);
                return false;
            }
        }

        if (kind < IndexEntry.InlineSlots)
        {
            entry.Holders = IndexEntry.Pack(holders | ((ulong)slot << (kind * 16)), kind + 1);
            return true;
        }

        var set = _sets.Allocate();
        var bits = _sets.Bits(set);
        for (var i = 0; i < kind; i++)
            SetBit(bits, IndexEntry.InlineSlot(holders, i));
        SetBit(bits, slot);
        entry.Holders = IndexEntry.Pack((uint)set, IndexEntry.Overflow);
        return true;
    }

    private void DropHolding(ulong key, int slot)
    {
        var hash = Spread(key);
        ref var segment = ref _segments[hash >> _segmentShift];
        var position = segment.IsEmpty ? -1 : segment.Find(key, hash);
        if (position < 0)
            return;
        ref var entry = ref segment.At(position);
        if (!DropSlot(ref entry, slot))
            return;
        _slots.BlocksOf(slot)--;
        if (entry.Kind == 0)
            DeleteAt(ref segment, position);
    }

    private bool DropSlot(ref IndexEntry entry, int slot)
    {
        var kind = entry.Kind;
        if (kind == IndexEntry.Overflow)
        {
            ref var word = ref _sets.Bits(entry.Set)[slot >> 6];
            var bit = 1UL << (slot & 63);
            if ((word & bit) == 0)
                return false;
            word &= ~bit;
            // One fewer than fits, so that a block at the edge does not change its form at every event.
            if (_sets.PopCount(entry.Set) < IndexEntry.InlineSlots)
                Inline(ref entry);
            return true;
        }

        for (var i = 0; i < kind; i++)
        {
            if (IndexEntry.InlineSlot(entry.Holders, i) == slot)
            {
                RemoveInline(ref entry, i);
                return true;
            }
        }

        return false;
    }

    private static void RemoveInline(ref IndexEntry entry, int i)
    {
        var last = entry.Kind - 1;
        var slots = entry.Holders & 0xFFFF_FFFF_FFFF;
        var moved = (slots >> (last * 16)) & 0xFFFF;
        slots &= ~(0xFFFFUL << (last * 16));
        if (i != last)
            slots = (slots & ~(0xFFFFUL << (i * 16))) | (moved << (i * 16));
        entry.Holders = IndexEntry.Pack(slots, last);
    }

    private void Inline(ref IndexEntry entry)
    {
        var set = entry.Set;
        var slots = 0UL;
        var count = 0;
        var bits = _sets.Bits(set);
        for (var w = 0; w < bits.Length; w++)
        {
            for (var word = bits[w]; word != 0; word &= word - 1)
                slots |= (ulong)((w * 64) + System.Numerics.BitOperations.TrailingZeroCount(word)) << (count++ * 16);
        }

        _sets.Free(set);
        entry.Holders = IndexEntry.Pack(slots, count);
    }

    private void DeleteAt(ref IndexSegment segment, int position)
    {
        segment.DeleteAt(position);
        BlockCount--;
    }

    private void EvictOne(ref IndexSegment segment)
    {
        var entries = segment.Entries;
        var victim = -1;
        for (var seen = 0; seen < EvictionCandidates || victim < 0; _hand++)
        {
            var i = _hand & (entries.Length - 1);
            if (entries[i].Key == 0)
                continue;
            seen++;
            victim = i;
            if (!entries[i].Recent)
                break;
            entries[i].Holders &= ~(1UL << 56);
        }

        ref var entry = ref entries[victim];
        if (entry.Kind == IndexEntry.Overflow)
        {
            var bits = _sets.Bits(entry.Set);
            for (var w = 0; w < bits.Length; w++)
            {
                for (var word = bits[w]; word != 0; word &= word - 1)
                    _slots.BlocksOf((w * 64) + System.Numerics.BitOperations.TrailingZeroCount(word))--;
            }

            _sets.Free(entry.Set);
        }
        else
        {
            for (var i = 0; i < entry.Kind; i++)
                _slots.BlocksOf(IndexEntry.InlineSlot(entry.Holders, i))--;
        }

        DeleteAt(ref segment, victim);
        Evictions++;
    }

    private void Sweep(int segments)
    {
        for (; segments > 0 && _slots.NeedsSweep; segments--)
        {
            if (_sweepNext == 0)
                _slots.SweepBegins();
            Clean(ref _segments[_sweepNext]);
            if (++_sweepNext == _segments.Length)
            {
                _sweepNext = 0;
                _slots.SweepEnded();
            }
        }
    }

    private void Clean(ref IndexSegment segment)
    {
        var entries = segment.Entries;
        for (var i = 0; i < entries.Length; i++)
        {
            while (entries[i].Key != 0 && DropDead(ref entries[i]))
                DeleteAt(ref segment, i);
        }
    }

    /// <summary>Drops retired slots; true when none is left. Recency is kept as it was.</summary>
    private bool DropDead(ref IndexEntry entry)
    {
        if (entry.Kind == IndexEntry.Overflow)
        {
            var bits = _sets.Bits(entry.Set);
            var live = _slots.Live;
            var left = 0;
            for (var w = 0; w < bits.Length; w++)
            {
                bits[w] &= live[w];
                left += System.Numerics.BitOperations.PopCount(bits[w]);
            }

            if (left < IndexEntry.InlineSlots)
                Inline(ref entry);
            return entry.Kind == 0;
        }

        for (var i = entry.Kind - 1; i >= 0; i--)
        {
            if (_slots.EngineOf(IndexEntry.InlineSlot(entry.Holders, i)) < 0)
                RemoveInline(ref entry, i);
        }

        return entry.Kind == 0;
    }

    private static void SetBit(Span<ulong> bits, int slot) => bits[slot >> 6] |= 1UL << (slot & 63);
}
