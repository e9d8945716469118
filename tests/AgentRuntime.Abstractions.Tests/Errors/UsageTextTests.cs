namespace AgentRuntime.Abstractions.Tests;

public class UsageTextTests
{
    [Theory]
    [InlineData(
        "Cannot parse argument 'x' for command 'approve' as expected type 'System.Int32'.",
        "Cannot parse argument 'x' for command 'approve': it is no whole number.")]
    [InlineData(
        "Cannot parse argument '1.5' for option '--port' as expected type 'System.Nullable`1[System.Int32]'.",
        "Cannot parse argument '1.5' for option '--port': it is no whole number.")]
    [InlineData(
        "Cannot parse argument 'x' for option '--speed' as expected type 'System.Double'.",
        "Cannot parse argument 'x' for option '--speed': it is no number.")]
    [InlineData(
        "Cannot parse argument 'x' for option '--role' as expected type 'AgentRuntime.Node.NodeRole'. "
            + "Did you mean one of the following?\nBoth\nDecode",
        "Cannot parse argument 'x' for option '--role': it is none of the values that there are. "
            + "Did you mean one of the following? Both Decode")]
    [InlineData("Option '--lang' is required.", "Option '--lang' is required.")]
    public void A_complaint_is_one_line_without_the_names_of_types(string message, string told) =>
        Assert.Equal(told, UsageText.Of(message));
}
