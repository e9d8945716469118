namespace AgentRuntime.Abstractions.Tests;

public class ReasonCodeTests
{
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

    [Theory]
    [InlineData("no such agent", "demo/x", "Deploy it.", "AR1006: no such agent [demo/x] Deploy it.")]
    [InlineData("no such agent", null, "Deploy it.", "AR1006: no such agent. Deploy it.")]
    [InlineData("There is none.", null, "Deploy it.", "AR1006: There is none. Deploy it.")]
    [InlineData("no such agent", null, null, "AR1006: no such agent")]
    public void An_error_reads_as_one_line(string message, string? where, string? action, string line) =>
        Assert.Equal(line, new RuntimeError(ReasonCodes.UnknownAgent, message, where, action).ToString());
}
