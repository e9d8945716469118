namespace AgentRuntime.Abstractions.Tests;

public sealed class UnitTests
{
    [Fact]
    public void Counts_and_money_are_never_negative()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenCount(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MicroUsd(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ByteCount(-1));
    }

    [Fact]
    public void Sums_that_do_not_fit_are_errors_not_small_numbers()
    {
        Assert.Throws<OverflowException>(() => new TokenCount(long.MaxValue) + new TokenCount(1));
        Assert.Throws<OverflowException>(() => new MicroUsd(long.MaxValue) + new MicroUsd(1));
        Assert.Throws<OverflowException>(() => ByteCount.FromMebibytes(long.MaxValue).ToString());
    }

    [Theory]
    [InlineData(0, "$0.000000")]
    [InlineData(1_250, "$0.001250")]
    [InlineData(12_000_001, "$12.000001")]
    public void Money_is_written_with_six_decimals(long microUsd, string text) =>
        Assert.Equal(text, new MicroUsd(microUsd).ToString());
}
