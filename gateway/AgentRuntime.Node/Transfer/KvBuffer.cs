using System.Buffers;

namespace AgentRuntime.Node.Transfer;

/// <summary>
/// The bytes of a segment, from a pool where they can be: memory that is new each time costs more in page faults than
/// the copy of a segment does (decision 0309). Returned at most once, by its owner, when nobody can read it any more.
/// </summary>
internal readonly struct KvBuffer
{
    private readonly byte[] _array;
    private readonly int _length;
    private readonly bool _pooled;

    private KvBuffer(byte[] array, int length, bool pooled) => (_array, _length, _pooled) = (array, length, pooled);

    public Memory<byte> Memory => _array.AsMemory(0, _length);

    public Span<byte> Span => _array.AsSpan(0, _length);

    public int Length => _length;

    /// <summary>Bytes of memory that it takes.</summary>
    public int Capacity => _array.Length;

    /// <summary>A buffer of this length with whatever was in it.</summary>
    public static KvBuffer Rent(int length) => new(ArrayPool<byte>.Shared.Rent(length), length, pooled: true);

    /// <summary>Bytes that stay their owner's.</summary>
    public static KvBuffer Of(byte[] bytes) => new(bytes, bytes.Length, pooled: false);

    public void Return()
    {
        if (_pooled) ArrayPool<byte>.Shared.Return(_array);
    }
}
