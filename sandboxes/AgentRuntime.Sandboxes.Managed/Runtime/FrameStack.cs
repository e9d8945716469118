using System.Buffers.Binary;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// A suspended call stack: what each frame pushed while unwinding, innermost first, and pops in the opposite order
/// while rewinding. Every frame ends with its function and call site, which are checked. Single-writer.
/// </summary>
internal sealed class FrameStack
{
    /// <summary>A guest whose frames need more cannot be suspended.</summary>
    public const int MaxBytes = 16 << 20;

    private byte[] _bytes = [];
    private int _top;

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _top);

    public List<object?> References { get; } = [];

    public bool IsEmpty => _top == 0;

    public void Load(ReadOnlySpan<byte> bytes, IEnumerable<object?> references)
    {
        _bytes = bytes.ToArray();
        _top = bytes.Length;
        References.Clear();
        References.AddRange(references);
    }

    public Span<byte> Push(int count)
    {
        if (_top + count > _bytes.Length)
        {
            if (_top + count > MaxBytes)
                throw new WasmTrapException(TrapKind.ResourceLimit, $"the call stack exceeds {MaxBytes} bytes");
            Array.Resize(ref _bytes, Math.Max(_top + count, Math.Max(256, _bytes.Length * 2)));
        }

        _top += count;
        return _bytes.AsSpan(_top - count, count);
    }

    public ReadOnlySpan<byte> Pop(int count)
    {
        if (count > _top) throw Corrupt();
        _top -= count;
        return _bytes.AsSpan(_top, count);
    }

    public object? PopReference()
    {
        if (References.Count == 0) throw Corrupt();
        var value = References[^1];
        References.RemoveAt(References.Count - 1);
        return value;
    }

    public void PushFrame(int function, int site)
    {
        BinaryPrimitives.WriteInt32LittleEndian(Push(4), site);
        BinaryPrimitives.WriteInt32LittleEndian(Push(4), function);
    }

    /// <summary>The function of the frame that is rewound next.</summary>
    public int NextFunction =>
        _top >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(_top - 4)) : throw Corrupt();

    public int PopFrame(int function)
    {
        if (BinaryPrimitives.ReadInt32LittleEndian(Pop(4)) != function) throw Corrupt();
        return BinaryPrimitives.ReadInt32LittleEndian(Pop(4));
    }

    public static WasmSnapshotException Corrupt() => new("the frames do not fit the module");
}
