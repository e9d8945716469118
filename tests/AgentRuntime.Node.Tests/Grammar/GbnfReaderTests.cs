using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class GbnfReaderTests
{
    [Theory]
    [InlineData("root ::= \"a\" | [^\\]\\x00-\\x1F]{2,3} # comment (\n")]
    [InlineData("root ::= (\n  \"yes\" | # it is\n  \"no\" )+ end?\nend ::= [.]{ 3 } .{2,}\n")]
    [InlineData("root ::= item*\nitem ::= \"(\" root \")\" | [a-z-]\n")]
    [InlineData("root ::= \"\" | \"\\\"\\u20AC\" root")]
    [InlineData("root ::= (\"a\"{1000}){2000} \"b\"{1048576}")]
    [InlineData("root ::= s{300}\ns ::= t{300}\nt ::= \"x\"?")]
    public void A_grammar_is_read(string grammar)
    {
        Assert.Null(WhyNot(grammar));
        Assert.Null(WhyNot(grammar + BasicRules.Text.Insert(0, "\n")));
    }

    [Theory]
    [InlineData("root ::= \"a\"{2,1}")]
    [InlineData("root ::= \"a\"{3000000000}")]
    [InlineData("root ::= \"a\"{99999999999999999999,1}")]
    [InlineData("root ::= root \"a\" | \"b\"")]
    [InlineData("root ::= empty root \"x\" | \"y\"\nempty ::= none\nnone ::= \"\"")]
    [InlineData("root ::= ((\"a\"?)?)* root")]
    [InlineData("root ::= a \"x\"\na ::= b? c\nb ::= \"b\"\nc ::= \"c\" | a")]
    [InlineData("root ::= <[7]>")]
    [InlineData("root ::= other")]
    [InlineData("root ::= (\"a\"")]
    [InlineData("root ::= \"a")]
    [InlineData("root ::= \"\\q\"")]
    [InlineData("root ::= *")]
    [InlineData("root = \"a\"")]
    [InlineData("root ::= \"a\" \0")]
    [InlineData("root ::= \"\\x00\"")]
    [InlineData("root ::= \"\\uD800\"")]
    [InlineData("root ::= \"\\U00110000\"")]
    public void One_that_does_not_parse_or_begins_with_itself_is_not(string grammar) =>
        Assert.NotNull(WhyNot(grammar));

    [Fact]
    public void Depth_is_bounded()
    {
        Assert.NotNull(WhyNot("root ::= " + new string('(', 100_000)));
        Assert.NotNull(WhyNot("root ::= " + new string('(', 65) + "\"a\"" + new string(')', 65)));
        Assert.Null(WhyNot("root ::= " + new string('(', 60) + "\"a\"" + new string(')', 60)));
    }

    [Theory]
    [InlineData("r{0} ::= r{1}?\n", false)]
    [InlineData("r{0} ::= .r{1}\n", true)]
    public void Rules_that_refer_to_one_another_by_the_thousand_are_read_or_refused(string rule, bool isRead)
    {
        const int Rules = 50_000;
        // The last rule comes first, so that each is met before those that refer to it.
        var grammar = $"r{Rules} ::= \"a\"\n" + string.Concat(Enumerable.Range(0, Rules).Reverse()
            .Select(i => string.Format(CultureInfo.InvariantCulture, rule, i, i + 1))) + "root ::= r0";
        Assert.InRange(grammar.Length, 0, GbnfReader.MostCharacters);
        string? reason = null;
        var thread = new Thread(() => reason = WhyNot(grammar), maxStackSize: 1 << 20);
        thread.Start();
        thread.Join();
        Assert.Equal(isRead, reason is null);
    }

    [Fact]
    public void Texts_that_begin_alike_share_their_beginning()
    {
        var grammar = OutputGrammar.OfChoice(Enumerable.Range(0, 60_000).Select(i => $"value {i}")).Gbnf;
        Assert.All(grammar.Split('\n'), rule => Assert.InRange(rule.Split(" | ").Length, 1, 11));
        Assert.Equal(
            "root ::= \"a\" root-1 | \"\U0001F600\" | \"\U0001F601\"\nroot-1 ::= \"\" | \"bc\" root-2\n"
            + "root-2 ::= \"\" | \"d\" | \"\U0001F600\" | \"\U0001F601\"\n",
            OutputGrammar.OfChoice(["a", "abc", "\U0001F600", "abcd", "\U0001F601", "abc\U0001F600", "a",
                "abc\U0001F601"]).Gbnf);
    }

    [Fact]
    public void A_clients_grammar_is_refused_by_name()
    {
        Assert.Equal("grammar", Refused(() => OutputGrammar.Given("root ::= \"a\"{2,1}")).Where);
        Assert.Equal(ReasonCodes.MalformedRequest, Refused(() => OutputGrammar.Given(
            "root ::= \"a\" #" + new string('x', 70_000))).Code);
        Assert.Equal("root ::= \"a\" | \"\\\"\"\n", OutputGrammar.OfChoice(["a", "\""]).Gbnf);
    }

    private static string? WhyNot(string grammar)
    {
        try
        {
            GbnfReader.Read(grammar);
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    private static RuntimeError Refused(Func<object> make) => Assert.Throws<RuntimeErrorException>(make).Error;
}
