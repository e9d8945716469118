using System.Runtime.CompilerServices;
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
    private int _mask;

    public int Count { get; private set; }

    public readonly bool IsEmpty => _entries is null;

    public readonly int Capacity => _entries?.Length ?? 0;

    public readonly Span<IndexEntry> Entries => _entries;

    /// <summary>
    /// The entry at a position that <see cref="Find"/> or <see cref="Insert"/> gave. Like those it does not ask how
    /// long the table is: its length lies apart from what is read, and costs a cache miss of its own.
    /// </summary>
    public readonly ref IndexEntry At(int position) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_entries!), position);

    /// <summary>The position of a key; its complement is where it would go.</summary>
    public readonly int Find(ulong key, ulong hash)
    {
        var entries = _entries;
        if (entries is null)
            return -1;
        ref var first = ref MemoryMarshal.GetArrayDataReference(entries);
        for (var i = Home(hash); ; i = (i + 1) & _mask)
        {
            var found = Unsafe.Add(ref first, i).Key;
            if (found == key)
                return i;
            if (found == 0)
                return ~i;
        }
    }

    /// <summary>
    /// What is where a key would be if nothing were in its way. Read for many keys before the first one is looked for,
    /// so that their cache misses overlap: a search branches on what it finds, and a wrong guess waits for it.
    /// </summary>
    public readonly ulong Touch(ulong hash)
    {
        var entries = _entries;
        return entries is null ? 0 : Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(entries), Home(hash)).Key;
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
        for (var i = (position + 1) & _mask; entries[i].Key != 0; i = (i + 1) & _mask)
        {
            var home = Home(KvIndex.Spread(entries[i].Key));
            if (((i - home) & _mask) >= ((i - position) & _mask))
            {
                entries[position] = entries[i];
                position = i;
            }
        }

        entries[position] = default;
        Count--;
    }

    private readonly int Home(ulong hash) => (int)(hash >> PositionShift) & _mask;

    private void Grow()
    {
        var old = _entries;
        _entries = new IndexEntry[Math.Max(8, Capacity * 2)];
        _mask = _entries.Length - 1;
        if (old is null)
            return;
        foreach (ref readonly var entry in old.AsSpan())
        {
            if (entry.Key != 0)
                _entries[~Find(entry.Key, KvIndex.Spread(entry.Key))] = entry;
        }
    }
}
