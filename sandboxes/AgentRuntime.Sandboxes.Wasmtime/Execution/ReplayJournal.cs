using System.Buffers.Binary;
using System.Runtime.InteropServices;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>What the host did to a guest, in order.</summary>
internal enum ReplayStep : byte
{
    /// <summary>It called an export: ordinal, arguments.</summary>
    Call = 1,

    /// <summary>That call returned.</summary>
    CallEnd,

    /// <summary>The guest called it: import.</summary>
    Host,

    /// <summary>It answered: results.</summary>
    HostEnd,

    /// <summary>It wrote into the memory: address, bytes.</summary>
    Write,
}

/// <summary>
/// Everything that a guest could not compute again by itself: the calls that the host made, what its host functions
/// returned, and what they wrote into the memory. Played back to a new instance, it brings that to the same point. Used
/// on the guest's thread.
/// </summary>
internal sealed class ReplayJournal(int maxBytes)
{
    private byte[] _bytes = new byte[256];
    private int _length;
    private int _at;

    /// <summary>Whether the limit was reached: what came after is not here, and nothing can be played back.</summary>
    public bool Full { get; private set; }

    /// <summary>Whether there is something left to play back.</summary>
    public bool Replaying => _at < _length;

    public ReadOnlySpan<byte> Content => _bytes.AsSpan(0, _length);

    /// <summary>Takes over what a snapshot held.</summary>
    public void Load(byte[] content)
    {
        if (content.Length > maxBytes) throw new WasmSnapshotException("the snapshot is larger than a guest's may be");
        (_bytes, _length, _at) = (content, content.Length, content.Length);
    }

    public void Rewind() => _at = 0;

    public void MarkFull() => Full = true;

    /// <summary>Whether so much more could still be kept.</summary>
    public bool HasRoomFor(long bytes) => bytes <= maxBytes - _length;

    public void Append(ReplayStep step)
    {
        if (Reserve(1)) _bytes[_length++] = (byte)step;
        _at = _length;
    }

    public void Append(ReplayStep step, int index, ReadOnlySpan<WasmValue> values)
    {
        if (Reserve(1 + 4 + (values.Length * 16)))
        {
            _bytes[_length] = (byte)step;
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(_length + 1), index);
            MemoryMarshal.AsBytes(values).CopyTo(_bytes.AsSpan(_length + 5));
            _length += 5 + (values.Length * 16);
        }

        _at = _length;
    }

    public void AppendWrite(uint address, ReadOnlySpan<byte> content)
    {
        if (Reserve(1 + 4 + 4 + content.Length))
        {
            _bytes[_length] = (byte)ReplayStep.Write;
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(_length + 1), address);
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(_length + 5), content.Length);
            content.CopyTo(_bytes.AsSpan(_length + 9));
            _length += 9 + content.Length;
        }

        _at = _length;
    }

    public ReplayStep Next() => (ReplayStep)Take(1)[0];

    public int Index() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public void Values(Span<WasmValue> values) => Take(values.Length * 16).CopyTo(MemoryMarshal.AsBytes(values));

    public (uint Address, ReadOnlyMemory<byte> Content) Write()
    {
        var address = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        var length = BinaryPrimitives.ReadInt32LittleEndian(Take(4));
        Take(length);
        return (address, _bytes.AsMemory(_at - length, length));
    }

    /// <summary>The guest did something else than the first time.</summary>
    public static WasmSnapshotException Diverged() => new("the guest did not do again what it is said to have done");

    private ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)(_length - _at)) throw Diverged();
        _at += count;
        return _bytes.AsSpan(_at - count, count);
    }

    private bool Reserve(int count)
    {
        if (Full || count > maxBytes - _length)
        {
            Full = true;
            return false;
        }

        if (_length + count > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(Math.Max(_length + count, 256), Math.Min(_bytes.Length * 2, maxBytes)));
        return true;
    }
}
