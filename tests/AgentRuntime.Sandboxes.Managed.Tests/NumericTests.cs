using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>What fuzzing found once: values that the JIT folds must behave like values that it does not know.</summary>
public class NumericTests
{
    [Fact]
    public void A_rotated_constant_can_be_divided_like_any_number()
    {
        Assert.Equal(int.MinValue % 7, RotatedLeftRemainder(7));
        Assert.Equal(int.MinValue / 7, RotatedLeftQuotient(7));
        Assert.Equal(0, RotatedRightRemainder(1));
    }

    [Theory]
    [InlineData(0x12345678, 0)]
    [InlineData(0x12345678, 4)]
    [InlineData(0x12345678, 31)]
    [InlineData(0x12345678, 32)]
    [InlineData(-5, 37)]
    [InlineData(-5, -3)]
    public void Rotation_counts_modulo_32(int value, int count)
    {
        Assert.Equal((int)uint.RotateLeft((uint)value, count & 31), Numeric.Rotl32(value, count));
        Assert.Equal((int)uint.RotateRight((uint)value, count & 31), Numeric.Rotr32(value, count));
    }

    [Theory]
    [InlineData(0x123456789ABCDEF0, 0)]
    [InlineData(0x123456789ABCDEF0, 33)]
    [InlineData(-5, 64)]
    [InlineData(-5, -3)]
    public void Rotation_counts_modulo_64(long value, int count)
    {
        Assert.Equal((long)ulong.RotateLeft((ulong)value, count & 63), Numeric.Rotl64(value, count));
        Assert.Equal((long)ulong.RotateRight((ulong)value, count & 63), Numeric.Rotr64(value, count));
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int RotatedLeftRemainder(int by) => Numeric.RemS32(Numeric.Rotl32(0x40000000, 1), by, 0);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int RotatedLeftQuotient(int by) => Numeric.DivS32(Numeric.Rotl32(0x40000000, 1), by, 0);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int RotatedRightRemainder(int by) => Numeric.RemS32(Numeric.Rotr32(-1, 3), by, 0);
}
