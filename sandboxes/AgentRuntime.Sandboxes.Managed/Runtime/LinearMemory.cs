using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// A linear memory: a slot of a managed array whose first <see cref="Length"/> bytes are the guest's. The rest, room to
/// grow into, is zero. Single-writer, like the instance that owns it; whoever runs a guest holds the instance, and so
/// this, until the guest's last frame is gone.
/// </summary>
internal sealed class LinearMemory : IGuestMemory, IDisposable
{
    public const int PageBytes = 65_536;

    /// <summary>The most that one managed array holds: 2 GiB less one page.</summary>
    private const long MaxPages = 32_767;

    /// <summary>The same in bytes.</summary>
    public const long MaxBytes = MaxPages * PageBytes;

    private readonly long _maxPages;

    /// <summary>Where the memory was before it moved, and frames of callers may still be.</summary>
    private List<(MemorySlot Slot, int Used)>? _outgrown;
    private MemorySlot _slot = MemorySlot.Empty;
    private byte[] _array = [];
    private int _offset;

    public LinearMemory(SizeLimits type, long maxBytes)
    {
        Type = type;
        _maxPages = Math.Min(Math.Min(type.Max ?? 65_536, MaxPages), maxBytes / PageBytes);
        if (type.Min > _maxPages)
            throw new WasmTrapException(TrapKind.ResourceLimit,
                $"memory of {type.Min} pages exceeds the limit of {_maxPages}");
        Place(MemorySlabs.Rent((int)type.Min * PageBytes), (int)type.Min * PageBytes);
        if (_slot.Slab is null) GC.SuppressFinalize(this);
    }

    /// <summary>For an instance that nobody disposed.</summary>
    ~LinearMemory() => GiveBack();

    public int Length { get; private set; }

    public SizeLimits Type { get; }

    public int Pages => Length / PageBytes;

    public long LengthBytes => Length;

    /// <summary>Read after every call of a guest; checked against the array every time.</summary>
    public Span<byte> View
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(_array, _offset, Length);
    }

    public Span<byte> Slice(uint address, uint lengthBytes)
    {
        if ((ulong)address + lengthBytes > (ulong)Length)
            throw new WasmTrapException(TrapKind.MemoryOutOfBounds, $"{lengthBytes} bytes at {address}");
        return View.Slice((int)address, (int)lengthBytes);
    }

    /// <summary>Ends this memory and gives its space back, when no guest frame can hold it any more.</summary>
    public void Dispose()
    {
        GiveBack();
        GC.SuppressFinalize(this);
    }

    private void GiveBack()
    {
        var (slot, used) = (_slot, Length);
        Place(MemorySlot.Empty, 0);
        MemorySlabs.Return(slot, used);
        if (_outgrown is null) return;
        foreach (var (earlier, length) in _outgrown) MemorySlabs.Return(earlier, length);
        _outgrown = null;
    }

    /// <summary>Grows by pages and returns the old size, or -1 when that exceeds the limit.</summary>
    public int Grow(int pages)
    {
        var old = Pages;
        var wanted = old + (long)(uint)pages;
        if (wanted > _maxPages) return -1;
        var length = (int)(wanted * PageBytes);
        if (length > _slot.Capacity)
        {
            // Doubling, so that a guest that grows page by page does not make the host copy quadratically.
            var capacity = Math.Max(length, Math.Min(_slot.Capacity * 2L, _maxPages * PageBytes));
            var slot = MemorySlabs.Rent((int)capacity);
            View.CopyTo(slot.Array.AsSpan(slot.Offset));
            // The old space is not given back: frames of callers still hold it until they reload.
            if (_slot.Slab is not null) (_outgrown ??= []).Add((_slot, Length));
            else if (slot.Slab is not null) GC.ReRegisterForFinalize(this);
            Place(slot, length);
        }

        Length = length;
        return old;
    }

    private void Place(MemorySlot slot, int length)
    {
        (_slot, _array, _offset) = (slot, slot.Array, slot.Offset);
        Length = length;
    }
}
