namespace AgentRuntime.Abstractions.Tests;

public class DigestTests
{
    [Fact]
    public void A_digest_is_of_the_content_alone()
    {
        var digest = ModuleDigest.Of("abc"u8);

        // FIPS 180-4's own example.
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", digest.ToString());
        Assert.Equal(digest, ModuleDigest.Parse(digest.ToString()));
        Assert.Throws<FormatException>(() => ModuleDigest.Parse(digest.ToString().ToUpperInvariant()));
        Assert.Throws<InvalidOperationException>(() => default(BundleDigest).ToString());
    }

    [Theory]
    [InlineData("run_0199a0b0c0d07000800000000000abcd ")]
    [InlineData(" run_0199a0b0c0d07000800000000000abcd")]
    [InlineData("run_ 199a0b0c0d07000800000000000abcd")]
    public void White_space_is_no_part_of_an_id(string text) => Assert.False(RunId.TryParse(text, out _));
}
