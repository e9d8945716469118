using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// A linear memory: a managed array whose first <see cref="Length"/> bytes are the guest's. The rest, room to grow
/// into, is zero. Single-writer, like the instance that owns it.
/// </summary>
internal sealed class LinearMemory : IGuestMemory
{
    public const int PageBytes = 65_536;

    /// <summary>The most that one managed array holds: 2 GiB less one page.</summary>
    private const long MaxPages = 32_767;

    private readonly long _maxPages;

    public LinearMemory(SizeLimits type, long maxBytes)
    {
        Type = type;
        _maxPages = Math.Min(Math.Min(type.Max ?? 65_536, MaxPages), maxBytes / PageBytes);
        if (type.Min > _maxPages)
            throw new WasmTrapException(TrapKind.ResourceLimit,
                $"memory of {type.Min} pages exceeds the limit of {_maxPages}");
        Data = MemoryArrays.Rent((int)type.Min * PageBytes);
        Length = Data.Length;
    }

    public byte[] Data { get; private set; }

    public int Length { get; private set; }

    public SizeLimits Type { get; }

    public int Pages => Length / PageBytes;

    public long LengthBytes => Length;

    public Span<byte> View => new(Data, 0, Length);

    public Span<byte> Slice(uint address, uint lengthBytes)
    {
        if ((ulong)address + lengthBytes > (ulong)Length)
            throw new WasmTrapException(TrapKind.MemoryOutOfBounds, $"{lengthBytes} bytes at {address}");
        return Data.AsSpan((int)address, (int)lengthBytes);
    }

    /// <summary>Ends this memory and gives its array back, when no guest frame can hold it any more.</summary>
    public void Release(bool reusable)
    {
        var (data, used) = (Data, Length);
        (Length, Data) = (0, []);
        if (reusable) MemoryArrays.Return(data, used);
    }

    /// <summary>Grows by pages and returns the old size, or -1 when that exceeds the limit.</summary>
    public int Grow(int pages)
    {
        var old = Pages;
        var wanted = old + (long)(uint)pages;
        if (wanted > _maxPages) return -1;
        var length = (int)(wanted * PageBytes);
        if (length > Data.Length)
        {
            // Doubling, so that a guest that grows page by page does not make the host copy quadratically.
            var capacity = Math.Max(length, Math.Min(Data.Length * 2L, _maxPages * PageBytes));
            // The old array is not given back: frames of callers still hold it until they reload.
            var data = new byte[capacity];
            View.CopyTo(data);
            Data = data;
        }

        Length = length;
        return old;
    }
}
