namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// Reads a part of a module (WebAssembly 2.0 §5) and is broken once that ends too early or holds what is none: what it
/// gives then is zero. Not thread-safe.
/// </summary>
/// <param name="bytes">The part.</param>
/// <param name="offset">Where it is in the module.</param>
internal ref struct SectionReader(ReadOnlySpan<byte> bytes, int offset)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    public bool Broken { get; private set; }

    public readonly bool AtEnd => Broken || _at >= _bytes.Length;

    public readonly int Length => _bytes.Length;

    public readonly int Offset => offset + _at;

    public byte Byte()
    {
        if (_at < _bytes.Length) return _bytes[_at++];
        Broken = true;
        return 0;
    }

    public uint U32()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var part = Byte();
            value |= (uint)(part & 0x7F) << shift;
            if ((part & 0x80) == 0) return value;
        }

        Broken = true;
        return 0;
    }

    /// <summary>The bits of a signed integer of 32 bits.</summary>
    public uint S32()
    {
        var start = _at;
        var value = U32();
        var bits = 7 * (_at - start);
        return Broken || bits >= 32 ? value : (uint)((int)(value << (32 - bits)) >> (32 - bits));
    }

    /// <summary>Leaves out an integer of up to 64 bits.</summary>
    public void SkipInteger()
    {
        for (var left = 10; left > 0; left--)
            if ((Byte() & 0x80) == 0) return;
        Broken = true;
    }

    public ReadOnlySpan<byte> Bytes(uint count)
    {
        if (Broken || count > _bytes.Length - _at)
        {
            Broken = true;
            return default;
        }

        _at += (int)count;
        return _bytes.Slice(_at - (int)count, (int)count);
    }

    public SectionReader Section()
    {
        var size = U32();
        var start = Offset;
        var broken = Broken;
        var content = Bytes(size);
        return new SectionReader(content, start) { Broken = broken || Broken };
    }
}
