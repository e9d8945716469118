using System.Buffers.Binary;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Running;

namespace AgentRuntime.Sandboxes.Abi;

/// <summary>
/// Lowers values into guest memory (canonical ABI, <c>store</c>), in blocks that the guest's own <c>cabi_realloc</c>
/// allocates. No window is kept over an allocation, because the memory may have moved. Used on the guest's thread.
/// </summary>
internal readonly struct GuestLower(GuestSession session)
{
    /// <summary>Stores a text and returns where; an empty one needs no block.</summary>
    public (uint Address, uint LengthBytes) Text(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        if (length == 0) return (1, 0);
        var address = session.Allocate((uint)length, 1);
        Encoding.UTF8.GetBytes(text, session.Memory.Slice(address, (uint)length));
        return (address, (uint)length);
    }

    /// <summary>Stores bytes and returns where; none need no block.</summary>
    public (uint Address, uint Count) Bytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return (1, 0);
        var address = session.Allocate((uint)bytes.Length, 1);
        bytes.CopyTo(session.Memory.Slice(address, (uint)bytes.Length));
        return (address, (uint)bytes.Length);
    }

    /// <summary>Stores a list of records and returns where.</summary>
    public (uint Address, uint Count) List<T>(
        IReadOnlyList<T> items, uint elementBytes, Action<RecordWriter, T> element)
    {
        if (items.Count == 0) return (4, 0);
        var address = session.Allocate(checked((uint)items.Count * elementBytes), 4);
        for (var i = 0; i < items.Count; i++)
        {
            element(new RecordWriter(this, address + ((uint)i * elementBytes)), items[i]);
        }
        return (address, (uint)items.Count);
    }

    /// <summary>Begins a record at an address that has been checked.</summary>
    public RecordWriter At(uint address) => new(this, address);

    internal void Store(uint address, byte value) => session.Memory.Slice(address, 1)[0] = value;

    internal void Store(uint address, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(session.Memory.Slice(address, 4), value);
}

/// <summary>Writes the fields of one record in order, each at its alignment. Owned by one caller.</summary>
internal sealed class RecordWriter(GuestLower lower, uint address)
{
    private uint _at = address;

    /// <summary>Writes <c>u8</c>, or a discriminant.</summary>
    public RecordWriter U8(byte value)
    {
        lower.Store(_at, value);
        _at++;
        return this;
    }

    /// <summary>Writes <c>u32</c>.</summary>
    public RecordWriter U32(uint value)
    {
        Align();
        lower.Store(_at, value);
        _at += 4;
        return this;
    }

    /// <summary>Goes to where a payload with 4-byte alignment begins.</summary>
    public RecordWriter Align()
    {
        _at = (_at + 3) & ~3u;
        return this;
    }

    /// <summary>Writes <c>string</c>.</summary>
    public RecordWriter Text(string value)
    {
        var (address, length) = lower.Text(value);
        return U32(address).U32(length);
    }

    /// <summary>Writes <c>list&lt;u8&gt;</c>.</summary>
    public RecordWriter Bytes(ReadOnlySpan<byte> value)
    {
        var (address, count) = lower.Bytes(value);
        return U32(address).U32(count);
    }

    /// <summary>Writes <c>option&lt;string&gt;</c>.</summary>
    public RecordWriter OptionalText(string? value)
    {
        U8(value is null ? (byte)0 : (byte)1);
        return value is null ? U32(0).U32(0) : Text(value);
    }

    /// <summary>Writes <c>option&lt;string&gt;</c> of a text that is UTF-8 already.</summary>
    public RecordWriter OptionalText(byte[]? utf8)
    {
        U8(utf8 is null ? (byte)0 : (byte)1);
        return utf8 is null ? U32(0).U32(0) : Bytes(utf8);
    }

    /// <summary>Writes <c>list&lt;T&gt;</c>.</summary>
    public RecordWriter List<T>(IReadOnlyList<T> items, uint elementBytes, Action<RecordWriter, T> element)
    {
        var (address, count) = lower.List(items, elementBytes, element);
        return U32(address).U32(count);
    }

    /// <summary>Writes the <c>error</c> record of the world.</summary>
    public RecordWriter Error(RuntimeError error) =>
        Text(error.Code.ToString()).Text(error.Message).OptionalText(error.Where).OptionalText(error.Action);
}
