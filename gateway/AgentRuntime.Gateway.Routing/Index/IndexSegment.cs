using System.Runtime.InteropServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// A block and its holders in 16 bytes. Up to three slots are kept inline (16 bits each, from the low end, with their
/// number in byte 6); more of them in a numbered <see cref="HolderSets"/> set (low 32 bits, byte 6 = 0xFF). Byte 7 is
/// the second chance: set when stored, taken away by the eviction hand.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IndexEntry
{
    public const int InlineSlots = 3;
    public const byte Overflow = 0xFF;

    public ulong Key;
    public ulong Holders;

    public readonly int Kind => (byte)(Holders >> 48);

    public readonly bool Recent => Holders >> 56 != 0;

    public readonly int Set => (int)Holders;

    public static ulong Pack(ulong slots, int kind) => (slots & 0xFFFF_FFFF_FFFF) | ((ulong)kind << 48) | (1UL << 56);

    public static int InlineSlot(ulong holders, int i) => (ushort)(holders >> (i * 16));
}

/// <summary>
/// An open-addressing table with linear probing and backward-shift deletion. Many small ones make the index, so that
/// growing one, or cleaning one, is a pause of microseconds and not of the whole table.
/// </summary>
internal struct IndexSegment
{
    private const int PositionShift = 20;
    private IndexEntry[]? _entries;

    public int Count { get; private set; }

    public readonly int Capacity => _entries?.Length ?? 0;

    public readonly Span<IndexEntry> Entries => _entries;

    /// <summary>The position of a key; its complement is where it would go.</summary>
    public readonly int Find(ulong key, ulong hash)
    {
        var entries = _entries;
        if (entries is null)
            return -1;
        var mask = entries.Length - 1;
        for (var i = (int)(hash >> PositionShift) & mask; ; i = (i + 1) & mask)
        {
            if ((uint)i >= (uint)entries.Length)
                return -1;
            var found = entries[i].Key;
            if (found == key)
                return i;
            if (found == 0)
                return ~i;
        }
    }

    /// <summary>Adds a key that is absent and returns its position.</summary>
    public int Insert(ulong key, ulong hash)
    {
        if (_entries is null || (Count + 1) * 8 > _entries.Length * 7)
            Grow();
        var position = ~Find(key, hash);
        _entries![position].Key = key;
        _entries[position].Holders = 0;
        Count++;
        return position;
    }

    /// <summary>Removes the entry at a position, pulling later ones back over it.</summary>
    public void DeleteAt(int position)
    {
        var entries = _entries!;
        var mask = entries.Length - 1;
        for (var i = (position + 1) & mask; entries[i].Key != 0; i = (i + 1) & mask)
        {
            var home = (int)(KvIndex.Spread(entries[i].Key) >> PositionShift) & mask;
            if (((i - home) & mask) >= ((i - position) & mask))
            {
                entries[position] = entries[i];
                position = i;
            }
        }

        entries[position] = default;
        Count--;
    }

    private void Grow()
    {
        var old = _entries;
        _entries = new IndexEntry[Math.Max(8, Capacity * 2)];
        if (old is null)
            return;
        foreach (ref readonly var entry in old.AsSpan())
        {
            if (entry.Key != 0)
                _entries[~Find(entry.Key, KvIndex.Spread(entry.Key))] = entry;
        }
    }
}
