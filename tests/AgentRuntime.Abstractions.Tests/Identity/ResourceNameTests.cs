namespace AgentRuntime.Abstractions.Tests;

public sealed class ResourceNameTests
{
    [Theory]
    [InlineData("a", true)]
    [InlineData("0-a-", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData("A", false)]
    [InlineData("a/b", false)]
    [InlineData("ä", false)]
    [InlineData("a\n", false)]
    public void Labels_are_lower_case_letters_digits_and_hyphens(string text, bool valid) =>
        Assert.Equal(valid, ResourceName.IsLabel(text));

    [Fact]
    public void Names_have_a_length()
    {
        Assert.True(ResourceName.IsLabel(new string('a', 63)));
        Assert.False(ResourceName.IsLabel(new string('a', 64)));
        Assert.True(ResourceName.IsModel(new string('a', 128)));
        Assert.False(ResourceName.IsModel(new string('a', 129)));
    }

    [Theory]
    [InlineData("Qwen/Qwen2.5-0.5B-Instruct:fp16", true)]
    [InlineData("*", true)]
    [InlineData("", false)]
    [InlineData("my model", false)]
    [InlineData("a\"b", false)]
    [InlineData("a\\b", false)]
    [InlineData("modèle", false)]
    public void Models_are_printable_ASCII(string text, bool valid) => Assert.Equal(valid, ResourceName.IsModel(text));
}
