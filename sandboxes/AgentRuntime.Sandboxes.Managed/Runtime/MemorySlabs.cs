using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// Zeroed space for linear memories, cut from pinned arrays of several MiB whose pages the system backs only once they
/// are written: an instance costs what it touched, not what it declared. Space comes back when no guest frame can hold
/// it any more, and is zero before it is offered again: a few slots of each size stay backed, the rest give their
/// pages back. Thread-safe.
/// </summary>
internal static class MemorySlabs
{
    /// <summary>Slots are 1 to 32 pages, doubling; larger memories are arrays of their own.</summary>
    public const int MaxSlotBytes = 32 * LinearMemory.PageBytes;

    private const int MinSlabBytes = 4 << 20;
    private const int MinSlotsOfSlab = 8;

    /// <summary>Free slots that stay backed, of each size.</summary>
    private const int MaxReadyBytes = 4 << 20;

    private static readonly Lock Gate = new();
    private static readonly SizeClass[] Classes = [.. Enumerable.Range(0, 6)
        .Select(shift => new SizeClass(LinearMemory.PageBytes << shift))];

    private sealed class SizeClass(int slotBytes)
    {
        public int SlotBytes { get; } = slotBytes;

        /// <summary>Slots that are zero, and backed as far as they were used.</summary>
        public Stack<MemorySlot> Ready { get; } = new();

        /// <summary>Slabs that have slots nobody has, the emptiest found last.</summary>
        public List<Slab> Slabs { get; } = [];

        public int MaxReady => MaxReadyBytes / SlotBytes;
    }

    /// <summary>One pinned array. The collector frees it when it is empty and no longer listed.</summary>
    internal sealed class Slab
    {
        private readonly byte[] _array;
        private readonly Stack<int> _free = new();
        private readonly int _slots;

        public Slab(int slotBytes)
        {
            SlotBytes = slotBytes;
            _slots = Math.Max(MinSlotsOfSlab, MinSlabBytes / slotBytes);
            _array = LazyPages.Allocate(_slots * slotBytes, out var first);
            for (var i = _slots - 1; i >= 0; i--) _free.Push(first + (i * slotBytes));
        }

        public int SlotBytes { get; }

        public bool IsFull => _free.Count == 0;

        public bool IsEmpty => _free.Count == _slots;

        public MemorySlot Take() => new(_array, _free.Pop(), this);

        public void Put(int offset) => _free.Push(offset);
    }

    public static MemorySlot Rent(int bytes)
    {
        if (bytes == 0) return MemorySlot.Empty;
        if (bytes > MaxSlotBytes) return new MemorySlot(new byte[bytes], 0, null);
        var size = ClassOf(bytes);
        lock (Gate)
        {
            if (size.Ready.TryPop(out var ready)) return ready;
            if (size.Slabs.Count == 0) size.Slabs.Add(new Slab(size.SlotBytes));
            var slab = size.Slabs[^1];
            var slot = slab.Take();
            if (slab.IsFull) size.Slabs.RemoveAt(size.Slabs.Count - 1);
            return slot;
        }
    }

    /// <summary>Takes space back; beyond <paramref name="used"/> bytes it is zero already.</summary>
    public static void Return(MemorySlot slot, int used)
    {
        if (slot.Slab is not { } slab) return;
        var size = ClassOf(slab.SlotBytes);
        // Looked at without the lock: at worst one slot more is kept, or given back.
        if (size.Ready.Count < size.MaxReady)
        {
            slot.ClearTouched(used);
            lock (Gate) size.Ready.Push(slot);
            return;
        }

        LazyPages.Discard(slot.Array, slot.Offset, slab.SlotBytes);
        lock (Gate)
        {
            if (slab.IsFull) size.Slabs.Insert(0, slab);
            slab.Put(slot.Offset);
            // One slab more than needed is kept, so that one instance that comes and goes does not make and drop one.
            if (slab.IsEmpty && size.Slabs.Count > 1) size.Slabs.Remove(slab);
        }
    }

    private static SizeClass ClassOf(int bytes) =>
        Classes[System.Numerics.BitOperations.Log2((uint)(bytes - 1) / LinearMemory.PageBytes * 2 + 1)];
}

/// <summary>A piece of an array that one linear memory has for itself.</summary>
internal sealed record MemorySlot(byte[] Array, int Offset, MemorySlabs.Slab? Slab)
{
    private const int BlockBytes = 4096;

    public static readonly MemorySlot Empty = new([], 0, null);

    public int Capacity => Slab?.SlotBytes ?? Array.Length;

    /// <summary>Zeroes what is not zero, block by block: reading a page that was never written does not back it.
    /// A memory's length is a multiple of a block's.</summary>
    public void ClearTouched(int used)
    {
        for (var at = 0; at < used; at += BlockBytes)
        {
            var block = Array.AsSpan(Offset + at, BlockBytes);
            if (AnySet(MemoryMarshal.Cast<byte, Vector512<ulong>>(block))) block.Clear();
        }
    }

    /// <summary>A search would stop at the first; nearly always there is none, and four sums a step are
    /// faster.</summary>
    private static bool AnySet(Span<Vector512<ulong>> block)
    {
        var (a, b, c, d) = (Vector512<ulong>.Zero, Vector512<ulong>.Zero, Vector512<ulong>.Zero, Vector512<ulong>.Zero);
        for (var i = 0; i + 3 < block.Length; i += 4)
        {
            a |= block[i];
            b |= block[i + 1];
            c |= block[i + 2];
            d |= block[i + 3];
        }

        return (a | b | c | d) != Vector512<ulong>.Zero;
    }
}
