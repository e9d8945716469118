using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace AgentRuntime.Node.Events;

/// <summary>
/// Writes MessagePack (msgpack spec, 2013 form) in the shortest encoding of each value. Not thread-safe.
/// </summary>
internal sealed class MsgPackWriter(IBufferWriter<byte> output)
{
    public void Nil() => Byte(0xC0);

    public void Number(double value)
    {
        var span = output.GetSpan(9);
        span[0] = 0xCB;
        BinaryPrimitives.WriteDoubleBigEndian(span[1..], value);
        output.Advance(9);
    }

    public void Integer(long value)
    {
        if (value >= 0) Integer((ulong)value);
        else if (value >= -32) Byte((byte)value);
        else
        {
            var span = output.GetSpan(9);
            span[0] = 0xD3;
            BinaryPrimitives.WriteInt64BigEndian(span[1..], value);
            output.Advance(9);
        }
    }

    public void Integer(ulong value)
    {
        switch (value)
        {
            case < 0x80: Byte((byte)value); break;
            case <= byte.MaxValue: Head(0xCC, value, 1); break;
            case <= ushort.MaxValue: Head(0xCD, value, 2); break;
            case <= uint.MaxValue: Head(0xCE, value, 4); break;
            default: Head(0xCF, value, 8); break;
        }
    }

    public void Text(string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        var length = (ulong)bytes.Length;
        if (length < 32) Byte((byte)(0xA0 | length));
        else if (length <= byte.MaxValue) Head(0xD9, length, 1);
        else if (length <= ushort.MaxValue) Head(0xDA, length, 2);
        else Head(0xDB, length, 4);
        output.Write(bytes);
    }

    /// <summary>The head of an array; its elements follow.</summary>
    public void Array(int count) => Container(count, 0x90, 0xDC);

    /// <summary>The head of a map; its keys and values follow in turn.</summary>
    public void Map(int count) => Container(count, 0x80, 0xDE);

    private void Container(int count, int small, byte wide)
    {
        if (count < 16) Byte((byte)(small | count));
        else if (count <= ushort.MaxValue) Head(wide, (ulong)count, 2);
        else Head((byte)(wide + 1), (ulong)count, 4);
    }

    private void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    private void Head(byte code, ulong value, int bytes)
    {
        var span = output.GetSpan(1 + bytes);
        span[0] = code;
        for (var i = 0; i < bytes; i++) span[1 + i] = (byte)(value >> (8 * (bytes - 1 - i)));
        output.Advance(1 + bytes);
    }
}
