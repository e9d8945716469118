using System.Globalization;
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

    [Theory]
    [InlineData("root ::= s{60}\ns ::= t{60}\nt ::= \"x\"?")]
    [InlineData("root ::= \"q\" s{300}\ns ::= t{300}\nt ::= \"x\"?")]
    [InlineData("root ::= \"q\" (\"a\" s)*\ns ::= (\"x\"? \"y\"?){300}")]
    [InlineData("root ::= \"q\" s{17}\ns ::= \"x\"?")]
    public void Ways_are_counted_everywhere_and_multiplied_where_they_nest(string grammar) =>
        Assert.NotNull(GbnfCheck.Of(grammar));

    [Fact]
    public void Each_alternative_is_a_way()
    {
        static string Of(int count) => "root ::= \"q\" ("
            + string.Join(" | ", Enumerable.Range(0, count).Select(i => $"\"\\u{0x4E00 + i:X4}\"")) + ")";
        Assert.Null(GbnfCheck.Of(Of(900)));
        Assert.NotNull(GbnfCheck.Of(Of(1100)));
        Assert.Null(GbnfCheck.Of("root ::= \"q\" s{16} | [0-9]{1,300} \"x\"{0,300}\ns ::= \"x\"?"));
    }

    [Theory]
    [InlineData("root ::= \"q\" {0}\n", 200, 600)]
    [InlineData("root ::= \"q\" [0-9] {0}\n", 200, 450)]
    [InlineData("root ::= a {0}\na ::= b {0}\nb ::= \"q\"\n", 100, 300)]
    [InlineData("root ::= a {0}\na ::= \"q\" b\nb ::= [0-9] {0}\n", 100, 300)]
    public void Ways_behind_a_rules_end_are_ways_of_what_ends_it(string grammar, int few, int many)
    {
        string Of(int count) => grammar.Replace(
            "{0}", string.Join(' ', Enumerable.Repeat("\"x\"?", count)), StringComparison.Ordinal);
        Assert.Null(GbnfCheck.Of(Of(few)));
        Assert.NotNull(GbnfCheck.Of(Of(many)));
    }

    [Fact]
    public void Rules_that_refer_to_one_another_without_end_are_refused_rather_than_followed()
    {
        const int Rules = 60_000;
        // The last rule comes first, so that each is met before those that refer to it.
        string Chain(string rule) => $"r{Rules}::=\"a\"\n" + string.Concat(Enumerable.Range(0, Rules).Reverse()
            .Select(i => string.Format(CultureInfo.InvariantCulture, rule, i, i + 1)));
        Assert.NotNull(GbnfCheck.Of(Chain("r{0}::=r{1}\n")));
        string? reason = null;
        var thread = new Thread(() => reason = GbnfCheck.Of(Chain("r{0}::=.r{1}\n")), maxStackSize: 1 << 20);
        thread.Start();
        thread.Join();
        Assert.NotNull(reason);
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

    private static RuntimeError Refused(Func<object> make) => Assert.Throws<RuntimeErrorException>(make).Error;
}
