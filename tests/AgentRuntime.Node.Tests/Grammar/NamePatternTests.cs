using System.Text.RegularExpressions;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class NamePatternTests
{
    private static readonly string[] Names =
    [
        "", "a", "ab", "xab", "abx", "b", "x-1", "x-", "-", "A_9", "12", "a.b", "a\nb", "ö", "aöb", "]", "^", "\\",
    ];

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("^a")]
    [InlineData("b$")]
    [InlineData("^ab$")]
    [InlineData("^x-")]
    [InlineData("^.*$")]
    [InlineData("^.+b")]
    [InlineData("^a.b$")]
    [InlineData("^a\\.b$")]
    [InlineData("^[a-z]+$")]
    [InlineData("^[^a-z]+$")]
    [InlineData("^\\d+$")]
    [InlineData("^\\w*$")]
    [InlineData("^[\\w-]+$")]
    [InlineData("^[A-Z_\\d]+$")]
    [InlineData("^x?a?b?x?$")]
    [InlineData("a*b*$")]
    [InlineData("[\\]^]")]
    [InlineData("^\\\\$")]
    [InlineData("^(a|x)b?$|]")]
    [InlineData("a{2}|b{1,}x")]
    [InlineData("[ö]b|^ö$")]
    [InlineData("xa*?b")]
    public void A_pattern_is_of_the_names_that_a_regular_expression_is_of(string pattern)
    {
        var read = NamePattern.Read(pattern)!;
        var expected = new Regex(
            pattern.Replace("$", "\\z", StringComparison.Ordinal), RegexOptions.ECMAScript, TimeSpan.FromSeconds(60));
        Assert.All(Names, name => Assert.True(expected.IsMatch(name) == read.Matches(name), name));
    }

    [Theory]
    [InlineData("^*")]
    [InlineData("(?<=a)b")]
    [InlineData("(a)\\1")]
    [InlineData("[z-a]")]
    public void Another_one_is_not_read(string pattern) => Assert.Null(NamePattern.Read(pattern));

    [Fact]
    public void One_that_takes_too_long_says_nothing()
    {
        var pattern = NamePattern.Read("^(a?){9000}b$")!;
        Assert.Null(pattern.Matches(new string('a', 8000)));
        Assert.True(NamePattern.Read("^a{63}$")!.Matches(new string('a', 63)));
        Assert.False(NamePattern.Read("^a{63}$")!.Matches(new string('a', 62)));
    }
}
