using System.Buffers.Binary;

namespace AgentRuntime.Gateway;

/// <summary>What the next MessagePack value is.</summary>
internal enum MsgPackKind : byte
{
    Nil = 1,
    Boolean = 2,
    Integer = 3,
    Float = 4,
    Text = 5,
    Bytes = 6,
    Array = 7,
    Map = 8,
    Extension = 9,
}

/// <summary>
/// Reads MessagePack (github.com/msgpack/msgpack, spec.md) from bytes that nobody vouches for: every length is checked
/// against what is there before it is believed, and skipping does not recurse.
/// </summary>
internal ref struct MsgPackReader(ReadOnlySpan<byte> data)
{
    private ReadOnlySpan<byte> _left = data;

    public readonly bool AtEnd => _left.IsEmpty;

    /// <exception cref="InvalidDataException">There is no next value.</exception>
    public readonly MsgPackKind Kind => Head switch
    {
        <= 0x7F or >= 0xE0 => MsgPackKind.Integer,
        <= 0x8F => MsgPackKind.Map,
        <= 0x9F => MsgPackKind.Array,
        <= 0xBF => MsgPackKind.Text,
        0xC0 => MsgPackKind.Nil,
        0xC2 or 0xC3 => MsgPackKind.Boolean,
        >= 0xC4 and <= 0xC6 => MsgPackKind.Bytes,
        (>= 0xC7 and <= 0xC9) or (>= 0xD4 and <= 0xD8) => MsgPackKind.Extension,
        0xCA or 0xCB => MsgPackKind.Float,
        >= 0xCC and <= 0xD3 => MsgPackKind.Integer,
        >= 0xD9 and <= 0xDB => MsgPackKind.Text,
        0xDC or 0xDD => MsgPackKind.Array,
        0xDE or 0xDF => MsgPackKind.Map,
        _ => throw Wrong(),
    };

    private readonly byte Head => _left.IsEmpty ? throw Wrong() : _left[0];

    /// <summary>Passes over a nil; false, and nothing passed over, when the next value is none.</summary>
    public bool TryReadNil()
    {
        if (Head != 0xC0)
            return false;
        _left = _left[1..];
        return true;
    }

    /// <summary>An integer of either sign as its low 64 bits.</summary>
    public ulong ReadInteger()
    {
        var head = Take(1)[0];
        return head switch
        {
            <= 0x7F => head,
            >= 0xE0 => unchecked((ulong)(sbyte)head),
            0xCC => Take(1)[0],
            0xCD => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xCE => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            0xCF or 0xD3 => BinaryPrimitives.ReadUInt64BigEndian(Take(8)),
            0xD0 => unchecked((ulong)(sbyte)Take(1)[0]),
            0xD1 => unchecked((ulong)BinaryPrimitives.ReadInt16BigEndian(Take(2))),
            0xD2 => unchecked((ulong)BinaryPrimitives.ReadInt32BigEndian(Take(4))),
            _ => throw Wrong(),
        };
    }

    /// <summary>A string's or a binary's bytes.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        var head = Take(1)[0];
        return Take(head switch
        {
            >= 0xA0 and <= 0xBF => head & 0x1F,
            0xC4 or 0xD9 => Length(1),
            0xC5 or 0xDA => Length(2),
            0xC6 or 0xDB => Length(4),
            _ => throw Wrong(),
        });
    }

    /// <summary>How many elements follow; never more than there are bytes left.</summary>
    public int ReadArrayHead()
    {
        var head = Take(1)[0];
        return Count(
            head switch { >= 0x90 and <= 0x9F => head & 0xF, 0xDC => Length(2), 0xDD => Length(4), _ => -1 },
            bytesEach: 1);
    }

    /// <summary>How many pairs follow; never more than there are bytes left for.</summary>
    public int ReadMapHead()
    {
        var head = Take(1)[0];
        return Count(
            head switch { >= 0x80 and <= 0x8F => head & 0xF, 0xDE => Length(2), 0xDF => Length(4), _ => -1 },
            bytesEach: 2);
    }

    /// <summary>Passes over a value, whatever it is.</summary>
    public void Skip()
    {
        for (long pending = 1; pending > 0; pending--)
        {
            switch (Kind)
            {
                case MsgPackKind.Nil or MsgPackKind.Boolean:
                    Take(1);
                    break;
                case MsgPackKind.Integer:
                    ReadInteger();
                    break;
                case MsgPackKind.Float:
                    Take(Head == 0xCA ? 5 : 9);
                    break;
                case MsgPackKind.Text or MsgPackKind.Bytes:
                    ReadBytes();
                    break;
                case MsgPackKind.Array:
                    pending += ReadArrayHead();
                    break;
                case MsgPackKind.Map:
                    pending += 2L * ReadMapHead();
                    break;
                default:
                    SkipExtension();
                    break;
            }
        }
    }

    private void SkipExtension()
    {
        var head = Take(1)[0];
        Take(1 + (head switch { 0xC7 => Length(1), 0xC8 => Length(2), 0xC9 => Length(4), _ => 1 << (head - 0xD4) }));
    }

    private int Length(int bytes)
    {
        uint length = 0;
        foreach (var b in Take(bytes))
            length = (length << 8) | b;
        return length <= (uint)_left.Length ? (int)length : throw Wrong();
    }

    private readonly int Count(int count, int bytesEach) =>
        count >= 0 && (long)count * bytesEach <= _left.Length ? count : throw Wrong();

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _left.Length)
            throw Wrong();
        var taken = _left[..length];
        _left = _left[length..];
        return taken;
    }

    private static InvalidDataException Wrong() => new("not the MessagePack that was expected");
}
