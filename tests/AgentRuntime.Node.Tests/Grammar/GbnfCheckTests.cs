using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class GbnfCheckTests
{
    [Theory]
    [InlineData("root ::= \"a\" | [^\\]\\x00-\\x1F]{2,3} # comment (\n")]
    [InlineData("root ::= (\n  \"yes\" | # it is\n  \"no\" )+ end?\nend ::= [.]{ 3 } .{2,}\n")]
    [InlineData("root ::= item*\nitem ::= \"(\" root \")\" | [a-z-]\n")]
    [InlineData("root ::= \"\" | \"\\\"\\u20AC\" root")]
    public void A_grammar_is_let_through(string grammar)
    {
        Assert.Null(GbnfCheck.Of(grammar));
        Assert.Null(GbnfCheck.Of(grammar + BasicRules.Text.Insert(0, "\n")));
    }

    [Theory]
    [InlineData("root ::= \"a\"{2,1}")]
    [InlineData("root ::= \"a\"{3000000000}")]
    [InlineData("root ::= \"a\"{99999999999999999999,1}")]
    [InlineData("root ::= (\"a\"{1000}){2000} \"b\"{1048576}")]
    [InlineData("root ::= root \"a\" | \"b\"")]
    [InlineData("root ::= empty root \"x\" | \"y\"\nempty ::= none\nnone ::= \"\"")]
    [InlineData("root ::= ((\"a\"?)?)* root")]
    [InlineData("root ::= <[7]>")]
    [InlineData("root ::= other")]
    [InlineData("root ::= (\"a\"")]
    [InlineData("root ::= \"a")]
    [InlineData("root ::= \"\\q\"")]
    [InlineData("root ::= *")]
    [InlineData("root = \"a\"")]
    [InlineData("root ::= \"a\0\"")]
    public void One_that_does_not_parse_or_would_take_the_process_along_is_not(string grammar) =>
        Assert.NotNull(GbnfCheck.Of(grammar));

    [Fact]
    public void Depth_and_ways_to_begin_are_bounded()
    {
        Assert.NotNull(GbnfCheck.Of("root ::= " + new string('(', 100_000)));
        Assert.NotNull(GbnfCheck.Of("root ::= " + new string('(', 65) + "\"a\"" + new string(')', 65)));
        Assert.Null(GbnfCheck.Of("root ::= " + new string('(', 60) + "\"a\"" + new string(')', 60)));
        var doubling = string.Concat(Enumerable.Range(0, 40).Select(i => $"r{i} ::= r{i + 1} | r{i + 1}\n"));
        Assert.NotNull(GbnfCheck.Of($"root ::= r0\n{doubling}r40 ::= \"a\"\n"));
    }

    [Fact]
    public void A_clients_grammar_is_refused_by_name()
    {
        Assert.Equal("grammar", Refused(() => OutputGrammar.Given("root ::= \"a\"{2,1}")).Where);
        Assert.Equal(ReasonCodes.MalformedRequest, Refused(() => OutputGrammar.Given(
            "root ::= \"a\" #" + new string('x', 70_000))).Code);
        Assert.Equal("root ::= \"a\" | \"\\\"\"\n", OutputGrammar.OfChoice(["a", "\""]).Gbnf);
    }

    private static RuntimeError Refused(Func<object> make) => Assert.Throws<RuntimeErrorException>(make).Error;
}
