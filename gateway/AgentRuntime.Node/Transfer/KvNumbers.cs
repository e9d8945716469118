using System.Numerics;
using System.Runtime.InteropServices;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Transfer;

/// <summary>Looks through keys and values as fast as memory is read. Stateless.</summary>
internal static class KvNumbers
{
    // IEEE 754: where all bits of the exponent are set, the number is an infinity or none. bfloat16 is the upper half
    // of a float.
    private const uint FloatExponent = 0x7F80_0000;
    private const ushort HalfExponent = 0x7C00;
    private const ushort BrainExponent = 0x7F80;

    /// <summary>Whether all of them are finite; what is of another type than floats is taken to be.</summary>
    /// <param name="type">Their ggml_type.</param>
    /// <param name="bytes">The numbers, least significant byte first.</param>
    public static bool AreFinite(int type, ReadOnlySpan<byte> bytes) => type switch
    {
        GgmlTensor.Float32 => NoneHasAll(MemoryMarshal.Cast<byte, uint>(bytes), FloatExponent),
        GgmlTensor.Float16 => NoneHasAll(MemoryMarshal.Cast<byte, ushort>(bytes), HalfExponent),
        GgmlTensor.BFloat16 => NoneHasAll(MemoryMarshal.Cast<byte, ushort>(bytes), BrainExponent),
        _ => true,
    };

    private static bool NoneHasAll<T>(ReadOnlySpan<T> values, T bits)
        where T : unmanaged, IBinaryInteger<T>
    {
        var all = new Vector<T>(bits);
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(values);
        foreach (var vector in vectors)
            if (Vector.EqualsAny(vector & all, all))
                return false;
        foreach (var value in values[(vectors.Length * Vector<T>.Count)..])
            if ((value & bits) == bits)
                return false;
        return true;
    }
}
