using System.Text;

namespace AgentRuntime.Gateway.Tests.Grpc;

public sealed class TokenTextTests
{
    [Fact]
    public void A_character_split_over_tokens_is_held_until_it_is_whole()
    {
        var text = new TokenText([]);
        var bytes = Encoding.UTF8.GetBytes("ü");
        Assert.Equal("", text.Append(bytes.AsSpan(0, 1)));
        Assert.Equal("ü", text.Append(bytes.AsSpan(1)));
        Assert.Equal("", text.Append(bytes.AsSpan(0, 1)));
        Assert.Equal("\uFFFD", text.Complete());
    }

    [Theory]
    [InlineData("hello END more", "hello ")]
    [InlineData("hello EN", "hello EN")]
    [InlineData("ENEND", "EN")]
    [InlineData("no stop here", "no stop here")]
    [InlineData("a STOP b END", "a ")]
    public void Text_ends_before_the_first_stop_however_it_is_cut(string whole, string shown)
    {
        for (var size = 1; size <= whole.Length; size++)
        {
            var text = new TokenText(["END", "STOP"]);
            var result = string.Concat(
                Encoding.UTF8.GetBytes(whole).Chunk(size).Select(piece => text.Append(piece))) + text.Complete();
            Assert.Equal(shown, result);
        }
    }
}
