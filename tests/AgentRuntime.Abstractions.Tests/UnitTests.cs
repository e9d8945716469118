namespace AgentRuntime.Abstractions.Tests;

public class UnitTests
{
    [Fact]
    public void Counts_are_never_negative()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenCount(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MicroUsd(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ByteCount(-1));
    }

    [Fact]
    public void Sums_do_not_wrap_around()
    {
        Assert.Throws<OverflowException>(() => new TokenCount(long.MaxValue) + new TokenCount(1));
        Assert.Throws<OverflowException>(() => new MicroUsd(long.MaxValue) + new MicroUsd(1));
        Assert.Throws<OverflowException>(() => ByteCount.FromMebibytes(long.MaxValue));
    }

    [Theory]
    [InlineData(0, "$0.000000")]
    [InlineData(1_250, "$0.001250")]
    [InlineData(12_000_001, "$12.000001")]
    public void Money_is_written_in_dollars(long microUsd, string text) =>
        Assert.Equal(text, new MicroUsd(microUsd).ToString());

    [Theory]
    [InlineData("AR1001", true)]
    [InlineData("AR999", false)]
    [InlineData("AR9001", false)]
    [InlineData("AR 001", false)]
    [InlineData("ar1001", false)]
    [InlineData("", false)]
    public void A_reason_code_is_AR_and_four_digits(string text, bool valid)
    {
        if (valid) Assert.Equal(text, ReasonCode.Parse(text).ToString());
        else Assert.Throws<FormatException>(() => ReasonCode.Parse(text));
    }

    [Fact]
    public void The_default_reason_code_cannot_be_shown() =>
        Assert.Throws<InvalidOperationException>(() => default(ReasonCode).ToString());

    [Fact]
    public void An_error_reads_as_one_line() => Assert.Equal(
        "AR1006: no such agent [demo/x] Deploy it.",
        new RuntimeError(ReasonCodes.UnknownAgent, "no such agent", "demo/x", "Deploy it.").ToString());
}
