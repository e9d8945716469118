using System.Buffers.Binary;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Abi;

/// <summary>
/// Lifts the values of one host call out of guest memory (canonical ABI, <c>load</c>). All lists and texts of the call
/// draw on one budget: many list elements may name the same bytes, so a bound for each text alone would let a small
/// guest make the host allocate without end. Used by one thread, for one call.
/// </summary>
internal sealed class GuestLift(IGuestMemory memory, long maxTextBytes)
{
    /// <summary>Elements of all lists of one call together.</summary>
    public const int MaxElements = 16_384;

    private long _textBytes;
    private int _elementsLeft = MaxElements;

    /// <summary>Lifts <c>string</c>.</summary>
    public string Text(uint address, uint lengthBytes)
    {
        var window = GuestText.View(memory, address, lengthBytes, 1);
        _textBytes += lengthBytes;
        if (_textBytes > maxTextBytes) throw GuestText.Lie($"the call's texts exceed {maxTextBytes} bytes together");
        return GuestText.Decode(window);
    }

    /// <summary>Lifts <c>list&lt;u8&gt;</c>; the bytes draw on the same budget as texts.</summary>
    public byte[] Bytes(uint address, uint count)
    {
        var window = GuestText.View(memory, address, count, 1);
        _textBytes += count;
        if (_textBytes > maxTextBytes) throw GuestText.Lie($"the call's data exceed {maxTextBytes} bytes together");
        return window.ToArray();
    }

    /// <summary>Lifts <c>list&lt;T&gt;</c> whose elements lie in records of a fixed size.</summary>
    public T[] List<T>(uint address, uint count, uint elementBytes, ElementLift<T> element)
    {
        if (count == 0) return [];
        if (count > _elementsLeft) throw GuestText.Lie($"the lists of one call exceed {MaxElements} elements together");
        _elementsLeft -= (int)count;
        var window = GuestText.View(memory, address, (long)count * elementBytes, 4);
        var items = new T[count];
        for (var i = 0; i < items.Length; i++)
        {
            items[i] = element(this, new RecordReader(window.Slice(i * (int)elementBytes, (int)elementBytes)));
        }
        return items;
    }

    /// <summary>Lifts <c>list&lt;string&gt;</c>.</summary>
    public string[] Texts(uint address, uint count) =>
        List(address, count, 8, static (lift, record) => lift.Text(record.U32(), record.U32()));

    /// <summary>Checks the discriminant of an <c>enum</c> or <c>variant</c>.</summary>
    public static int Discriminant(int value, int cases, string what) =>
        (uint)value < (uint)cases ? value : throw GuestText.Lie($"{what} has no case {(uint)value}");
}

/// <summary>Lifts one element of a list.</summary>
internal delegate T ElementLift<out T>(GuestLift lift, RecordReader record);

/// <summary>Reads the fields of one record in order, each at its alignment.</summary>
internal ref struct RecordReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    /// <summary>Reads <c>u8</c>, or a discriminant of at most 256 cases.</summary>
    public byte U8() => _bytes[_at++];

    /// <summary>Reads <c>u32</c>, or one half of a string or list.</summary>
    public uint U32()
    {
        _at = (_at + 3) & ~3;
        var value = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[_at..]);
        _at += 4;
        return value;
    }
}

/// <summary>Reads flattened parameters in order.</summary>
internal ref struct FlatReader(ReadOnlySpan<WasmValue> values)
{
    private readonly ReadOnlySpan<WasmValue> _values = values;
    private int _at;

    /// <summary>Reads an i32.</summary>
    public int I32() => _values[_at++].AsI32();

    /// <summary>Reads an i32 as an address, length or count.</summary>
    public uint U32() => (uint)I32();

    /// <summary>Reads an i64.</summary>
    public long I64() => _values[_at++].AsI64();

    /// <summary>Reads an f32.</summary>
    public float F32() => _values[_at++].AsF32();

    /// <summary>Reads the discriminant of an <c>option</c>.</summary>
    public bool IsSome() => GuestLift.Discriminant(I32(), 2, "an option") == 1;
}
