using System.Runtime.InteropServices;
using AgentRuntime.Node.Kernels;

namespace AgentRuntime.Node.Tests.Kernels;

/// <summary>That products have ggml's bits the determinism tests show; this shows the rounding before.</summary>
public sealed unsafe class VectorProductTests
{
    [Fact]
    public void It_rounds_to_halves_as_the_language_does()
    {
        // Every half, the middle between it and the next, and the singles on both sides of that.
        List<float> values = [];
        for (var bits = 0; bits < 0x7c00; bits++)
        {
            var half = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            var next = (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1));
            var middle = bits == 0x7bff ? 65520f : half + ((next - half) / 2);
            values.AddRange([half, middle, MathF.BitDecrement(middle), MathF.BitIncrement(middle)]);
        }

        values.AddRange([1e9f, float.MaxValue, float.PositiveInfinity, 1e-30f, 3.1f]);
        float[] all = [.. values, .. values.Select(v => -v)];
        var rounded = new float[all.Length];
        fixed (float* from = all, to = rounded) VectorProduct.RoundToHalf(from, to, all.Length);

        Assert.Equal(all.Select(v => (float)(Half)v), rounded);
    }

    [Fact]
    public void Halves_widen_to_what_they_are()
    {
        short[] halves = [.. Enumerable.Range(0, 0x10000).Where(b => (b & 0x7c00) != 0x7c00).Select(b => (short)b)];
        var wide = new float[halves.Length];
        fixed (short* from = halves)
        fixed (float* to = wide)
            AttentionMath.Widen(from, to, halves.Length);

        Assert.Equal(MemoryMarshal.Cast<short, Half>(halves).ToArray().Select(h => (float)h), wide);
        Assert.Equal(wide, halves.Select(AttentionMath.Widen));
    }

    [Fact]
    public void It_rounds_to_the_nearest_bfloat16_and_to_the_even_one_of_two()
    {
        var random = new Random(5);
        var values = new float[4096];
        for (var i = 0; i < values.Length; i++)
        {
            // Every fourth in the middle between two.
            var bits = random.Next(0x7f000000);
            values[i] = BitConverter.Int32BitsToSingle(i % 4 == 0 ? (bits & ~0xffff) | 0x8000 : bits);
            if (i % 2 == 1) values[i] = -values[i];
        }

        var rounded = new float[values.Length];
        fixed (float* from = values, to = rounded) VectorProduct.RoundToBFloat16(from, to, values.Length);

        for (var i = 0; i < values.Length; i++)
        {
            var below = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(values[i]) & ~0xffff);
            var above = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(below) + 0x10000);
            double down = Math.Abs((double)values[i] - below), up = Math.Abs((double)above - values[i]);
            var even = (BitConverter.SingleToInt32Bits(below) & 0x10000) == 0 ? below : above;
            Assert.Equal(down < up ? below : up < down ? above : even, rounded[i]);
        }
    }
}
